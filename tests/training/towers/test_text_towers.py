"""Every text tower: worked cases, padding, gradients, batches, and the same in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx_parity import run_exported
from torch import Tensor, nn

from tusou.errors import ConfigError, EncoderError
from tusou.training.towers.base import TextTower
from tusou.training.towers.text.pooling import AttentionPool, masked_max
from tusou.training.towers.text.registry import TEXT_TOWERS, build_text_tower

pytestmark = pytest.mark.train

VOCABULARY = 12
IDF = np.linspace(0.5, 2.0, VOCABULARY)
TOWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "count": ("bag_of_words", {"width": 6}),
    "binary": ("bag_of_words", {"width": 6, "weighting": "binary"}),
    "tf_idf": ("bag_of_words", {"width": 6, "weighting": "tf_idf", "idf": IDF}),
    "mean": ("word_mean", {"dim": 6}),
    "weighted_mean": ("word_mean", {"dim": 6, "idf": IDF}),
    **{
        f"{cell}_{pooling}": (cell, {"dim": 6, "hidden": 5, "pooling": pooling})
        for cell in ("rnn", "lstm", "gru")
        for pooling in ("last", "mean", "max", "attention")
    },
    "gru_one_way": ("gru", {"dim": 6, "hidden": 5, "bidirectional": False, "pooling": "last"}),
    "transformer_mean": ("transformer", {"width": 8, "heads": 2}),
    "transformer_cls": ("transformer", {"width": 8, "heads": 2, "pooling": "cls", "positions": "learned"}),
}


def tower_called(name: str, **options: Any) -> Any:
    tower = build_text_tower(name, **options)
    assert isinstance(tower, TextTower)
    return tower


def build(case: str) -> Any:
    torch.manual_seed(0)
    name, options = TOWERS[case]
    tower = tower_called(name, vocabulary=VOCABULARY, **options).eval()
    for parameter in tower.parameters():
        if not parameter.abs().any():  # the class vector starts at zero
            nn.init.normal_(parameter)
    return tower


def batch(*rows: list[int], pad: int = 0, width: int = 0) -> tuple[Tensor, Tensor]:
    width = max(width, *map(len, rows))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


@pytest.fixture(params=TOWERS)
def tower(request: pytest.FixtureRequest) -> TextTower:
    chosen: TextTower = build(request.param)
    return chosen


def test_shape_and_order_free_batches(tower: TextTower) -> None:
    rows = [3, 4, 3], [5], [2, 6, 7, 8]
    together = tower(*batch(*rows))
    assert together.shape == (3, tower.width)
    singly = torch.cat([tower(*batch(row)) for row in rows])
    torch.testing.assert_close(together, singly)
    assert not torch.allclose(together[0], together[1])


@pytest.mark.parametrize("pad", [0, 5])
def test_padding_changes_nothing(tower: TextTower, pad: int) -> None:
    short = tower(*batch([3, 5, 4], [5]))
    torch.testing.assert_close(tower(*batch([3, 5, 4], [5], pad=pad, width=9)), short)


def test_text_without_words_gives_finite_features(tower: TextTower) -> None:
    ids, mask = batch([3], [], width=2)
    features = tower(ids, mask)
    assert features.isfinite().all()
    features.sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in tower.parameters())
    other = ids.clone()
    other[1] = 7
    torch.testing.assert_close(tower(other, mask), features)


def test_gradient_reaches_every_parameter(tower: TextTower) -> None:
    (tower(*batch([3, 4, 3], [5, 9])) * torch.arange(1.0, tower.width + 1)).sum().backward()
    without = [
        name
        for name, parameter in tower.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


def test_onnx_gives_the_same(tower: TextTower) -> None:
    traced = dict(zip(("ids", "mask"), batch([3, 4, 3]), strict=True))
    given = dict(zip(("ids", "mask"), batch([2, 6, 7, 8, 6], [5], [1, 1, 4]), strict=True))
    with torch.no_grad():
        expected = tower(given["ids"], given["mask"]).numpy()
    assert np.abs(run_exported(tower, traced, given) - expected).max() <= 1e-4


def test_every_tower_that_reads_ids_is_tested() -> None:
    assert {name for name, _ in TOWERS.values()} == set(TEXT_TOWERS) - {"onnx", "features"}


def test_bags_of_words_by_hand() -> None:
    bags = {case: build(case) for case in ("count", "binary", "tf_idf")}
    for bag in bags.values():
        nn.init.eye_(bag.matrix.weight)
    ids, mask = batch([2, 3, 2, 2])
    results = {case: bag(ids, mask)[0, 2:4].tolist() for case, bag in bags.items()}
    assert results["count"] == [3, 1]
    assert results["binary"] == [1, 1]
    assert results["tf_idf"] == pytest.approx([3 * IDF[2], IDF[3]])


def test_word_means_by_hand() -> None:
    vectors, idf = np.eye(3), np.array([1.0, 1.0, 3.0])
    plain = tower_called("word_mean", vocabulary=3, vectors=vectors, trainable=False)
    weighted = tower_called("word_mean", vocabulary=3, vectors=vectors, idf=idf)
    ids, mask = batch([1, 2])
    assert plain(ids, mask).tolist() == [[0, 0.5, 0.5]]
    assert weighted(ids, mask).tolist() == [[0, 0.25, 0.75]]
    assert not any(parameter.requires_grad for parameter in plain.parameters())
    assert all(parameter.requires_grad for parameter in weighted.parameters())


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_both_directions_equal_torchs_packed_sequences(cell: str) -> None:
    tower = build(f"{cell}_last")
    packed = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell](6, 5, batch_first=True, bidirectional=True)
    names = [name for name, _ in tower.forwards.named_parameters()]
    source = {name: tower.forwards.get_parameter(name) for name in names}
    source |= {f"{name}_reverse": tower.backwards.get_parameter(name) for name in names}
    packed.load_state_dict(source)
    ids, mask = batch([2, 6, 7, 8], [3, 4])
    sequence = nn.utils.rnn.pack_padded_sequence(tower.words(ids), mask.sum(1), batch_first=True)
    hidden = packed(sequence)[1]
    last = hidden[0] if cell == "lstm" else hidden
    torch.testing.assert_close(tower(ids, mask), torch.cat([last[0], last[1]], dim=1))


def test_pools_by_hand() -> None:
    states = torch.tensor([[[1.0, -2.0], [-3.0, -1.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert masked_max(states, mask).tolist() == [[1, -1]]
    attention = AttentionPool(2)
    nn.init.zeros_(attention.get_parameter("score.2.weight"))
    assert attention(states, mask).tolist() == [[-1, -1.5]], "equal scores make a plain mean"


def test_transformer_hears_word_order() -> None:
    tower = build("transformer_mean")
    assert not torch.allclose(tower(*batch([3, 4, 5])), tower(*batch([5, 4, 3])))


def test_transformer_refuses_a_text_that_is_too_long() -> None:
    tower = tower_called("transformer", vocabulary=VOCABULARY, width=8, max_tokens=3)
    with pytest.raises(EncoderError, match="at most 3 tokens"):
        tower(*batch([1, 2, 3, 4]))


def test_sinusoidal_positions_do_not_learn() -> None:
    names = {name for name, _ in build("transformer_mean").named_parameters()}
    assert "positions" not in names
    assert "positions" in {name for name, _ in build("transformer_cls").named_parameters()}


def test_dropout_works_in_training_only() -> None:
    tower = tower_called("gru", vocabulary=VOCABULARY, hidden=50, dropout=0.5)
    ids, mask = batch([3, 4])
    assert (tower.train()(ids, mask) == 0).any()
    assert not (tower.eval()(ids, mask) == 0).any()


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("lstmm", {}, "gru, lstm"),
        ("lstm", {"poolin": "max"}, "pooling"),
        ("lstm", {"pooling": "sum"}, "'last', 'mean', 'max', 'attention'"),
        ("bag_of_words", {"weighting": "bm25"}, "'count', 'binary', 'tf_idf'"),
        ("bag_of_words", {"weighting": "tf_idf"}, "needs it"),
        ("bag_of_words", {"idf": IDF}, "belongs to"),
        ("word_mean", {"idf": IDF[1:]}, r"expected shape \(12,\), got \(11,\)"),
        ("word_mean", {"vectors": np.zeros((12, 3)), "dim": 4}, r"expected shape \(12, 4\)"),
        ("gru", {"vectors": np.full((12, 3), np.nan)}, "row 0 is not finite"),
        ("transformer", {"width": 10, "heads": 4}, "multiple of heads"),
        ("transformer", {"pooling": "max"}, "'mean', 'cls'"),
        ("transformer", {"positions": "rotary"}, "'sinusoidal', 'learned'"),
    ],
)
def test_impossible_tower_is_refused_with_what_is_possible(
    name: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        build_text_tower(name, vocabulary=VOCABULARY, **options)


def test_missing_vocabulary_is_named() -> None:
    with pytest.raises(ConfigError, match="'vocabulary' is missing"):
        build_text_tower("lstm")


def test_cached_features_pass_and_others_are_refused() -> None:
    tower = tower_called("features", width=3)
    rows = torch.ones(2, 3)
    assert tower(rows, rows) is rows
    with pytest.raises(EncoderError, match="3"):
        tower(torch.ones(2, 4), rows)
