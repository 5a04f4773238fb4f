"""Which parts fit together: every refusal with its reason, and each sensible combination passes."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tusou.errors import ConfigError
from tusou.training.combinations import LARGEST_JOINED_BATCH
from tusou.training.config import RunConfig, parse_run_config

CAPTIONS: dict[str, Any] = {
    "name": "captions",
    "data": {"source": "flickr8k"},
    "image": {"tower": "resnet50"},
    "text": {"tower": "gru"},
    "objective": {"type": "bce"},
}
CLASSES: dict[str, Any] = {
    "name": "classes",
    "data": {"source": "mnist.npz"},
    "image": {"tower": "lenet5"},
    "scorer": {"type": "classes"},
    "objective": {"type": "cross_entropy"},
}
FROZEN = {"image.tower": "onnx", "image.train": "none", "text.tower": "onnx"}
CCA = {"scorer.start": "cca", "training.epochs": 0, "objective.type": "cca"}

OBJECTIVES = ["bce", "softmax", "listwise", "ranknet", "triplet", "max_hinge", "info_nce", "siglip"]
NEGATIVES = ["in_batch", "random", "hard", "shown"]
WORD_TOWERS = ["bag_of_words", "word_mean", "rnn", "lstm", "gru", "transformer"]


def parse(base: dict[str, Any], changes: dict[str, Any]) -> RunConfig:
    table = {key: dict(value) if isinstance(value, dict) else value for key, value in base.items()}
    for key, value in changes.items():
        section, _, name = key.partition(".")
        if name:
            table.setdefault(section, {})[name] = value
        else:
            table[section] = value
    return parse_run_config({key: value for key, value in table.items() if value is not None}, "run.toml")


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (CAPTIONS, {"objective.type": "cross_entropy"}, "'cross_entropy' belongs to scorer.type = 'classes'"),
    (CLASSES, {"objective.type": "bce"}, "'cross_entropy' belongs to scorer.type = 'classes'"),
    (CLASSES, {"text": {"tower": "gru"}}, "reads no queries; leave the table out"),
    (CAPTIONS, {"text": None}, "text: missing; queries need a text tower"),
    (CAPTIONS, {"image.augment": "digits"}, "take 'photo'"),
    (CLASSES, {"image.augment": "photo"}, "take 'digits' for classes"),
    (CAPTIONS, {"objective.symmetric": True, "objective.negatives": "hard"}, "other lists share no images"),
    *(
        (CAPTIONS, {"objective.type": kind, "objective.negatives": negatives, "scorer.learn_bias": True}, why)
        for kind, why in (("info_nce", "take 'softmax' or 'bce'"), ("siglip", "take 'softmax' or 'bce'"))
        for negatives in NEGATIVES[1:]
    ),
    (
        CAPTIONS,
        {"objective.ties": True, "objective.negatives": "random"},
        "belongs to objective.type = 'rank",
    ),
    (CAPTIONS, {"objective.ties": True, "objective.type": "ranknet"}, "with lists, not in_batch"),
    (
        CAPTIONS,
        {
            "objective.ties": True,
            "objective.type": "ranknet",
            "objective.negatives": "shown",
            "objective.list_size": 65,
        },
        "objective.list_size may be at most 64",
    ),
    (CAPTIONS, {"objective.type": "siglip"}, "needs scorer.learn_bias = true"),
    (CAPTIONS, {"image.tower": "onnx"}, "'onnx' cannot learn (no gradients); set image.train = 'none'"),
    (CAPTIONS, {"image.tower": "onnx", "image.train": 1}, "set image.train = 'none'"),
    (CAPTIONS, {"image.tower": "features"}, "image.tower = 'features': a run caches features by itself"),
    (CAPTIONS, {"text.tower": "features"}, "text.tower = 'features': a run caches features by itself"),
    (CAPTIONS, {"image.views": 2}, "a tower that learns as a whole takes augment"),
    (CAPTIONS, {"image.augment": "photo", "image.train": 2}, "frozen stages take image.views"),
    (CAPTIONS, {"text.words": 64}, "it needs text.tower = 'onnx'"),
    *(
        (CAPTIONS, {"text.vectors": ["a.vec"], "text.tower": tower}, "gru, lstm, rnn, transformer, word_mean")
        for tower in ("bag_of_words", "onnx")
    ),
    *(
        (CAPTIONS, {"text.idf": True, "text.tower": tower}, "these do: bag_of_words, word_mean")
        for tower in ("gru", "rnn", "lstm", "transformer", "onnx")
    ),
    (CAPTIONS, {**FROZEN, "objective.type": "cca"}, "set scorer.start = 'cca' and training.epochs = 0"),
    (CAPTIONS, {**FROZEN, **CCA, "training.epochs": 1}, "set scorer.start = 'cca' and training.epochs = 0"),
    (CAPTIONS, CCA, "both towers must be frozen"),
    (CAPTIONS, {**FROZEN, **CCA, "text.tower": "gru"}, "both towers must be frozen"),
    (CAPTIONS, {**FROZEN, **CCA, "scorer.type": "concatenation"}, "not the network of a concatenation"),
    *(
        (CAPTIONS, {**FROZEN, "scorer.start": "cca", "scorer.head": head}, "'linear' or 'residual'")
        for head in ("tanh", "mlp")
    ),
    (CLASSES, {"scorer.start": "cca"}, "sets linear heads"),
    (
        CAPTIONS,
        {"scorer.start": "cca", "scorer.negative_bias": "separate", "objective.negatives": "random"},
        "knows one bias",
    ),
    (CAPTIONS, {"scorer.negative_bias": "separate"}, "needs lists of two"),
    (
        CAPTIONS,
        {"scorer.negative_bias": "separate", "objective.negatives": "hard", "objective.list_size": 3},
        "needs lists of two",
    ),
    *(
        (
            CAPTIONS,
            {"scorer.negative_bias": "separate", "objective.negatives": "hard", "scorer.head": head},
            "needs scorer.head = 'linear' or 'tanh'",
        )
        for head in ("mlp", "residual")
    ),
    (
        CAPTIONS,
        {"scorer.type": "concatenation", "training.batch_size": LARGEST_JOINED_BATCH + 1},
        "reads batch squared pairs; at most 512",
    ),
]


@pytest.mark.parametrize(("base", "changes", "why"), REFUSED)
def test_refused_with_the_reason(base: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(base, changes)
    assert why in str(caught.value)
    assert caught.value.reason == "bad_config"


SENSIBLE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (CLASSES, {}),
    (CLASSES, {"image.augment": "digits", "objective.smoothing": 0.1, "scorer.dropout": 0.5}),
    (CAPTIONS, {"image.augment": "photo"}),
    (CAPTIONS, {"image.train": 2, "image.views": 8}),
    (CAPTIONS, {"image.train": "none", "image.views": 8}),
    (CAPTIONS, FROZEN),
    (CAPTIONS, {**FROZEN, **CCA}),
    (CAPTIONS, {**FROZEN, **CCA, "scorer.head": "residual"}),
    (CAPTIONS, {**FROZEN, "scorer.start": "cca", "objective.type": "info_nce"}),
    (CAPTIONS, {**FROZEN, "text.words": 64, "scorer.start": "cca", "scorer.head": "residual"}),
    (CAPTIONS, {"scorer.start": "cca", "scorer.type": "concatenation"}),
    *((CAPTIONS, {"text.vectors": ["a"], "text.tower": each}) for each in WORD_TOWERS if each[0] != "b"),
    *((CAPTIONS, {"text.idf": True, "text.tower": each}) for each in ("word_mean", "bag_of_words")),
    *(
        (CAPTIONS, {"scorer.negative_bias": "separate", "objective.negatives": kind, "scorer.head": head})
        for kind in NEGATIVES[1:]
        for head in ("linear", "tanh")
    ),
    (CAPTIONS, {"objective.ties": True, "objective.type": "ranknet", "objective.negatives": "shown"}),
    (CAPTIONS, {"scorer.type": "concatenation", "training.batch_size": LARGEST_JOINED_BATCH}),
    (
        CAPTIONS,
        {"scorer.type": "concatenation", "objective.negatives": "hard", "training.batch_size": 4096},
    ),
]


@pytest.mark.parametrize(("base", "changes"), SENSIBLE)
def test_sensible_combinations_pass(base: dict[str, Any], changes: dict[str, Any]) -> None:
    parse(base, changes)


def test_towers_scorers_objectives_and_negatives_combine_but_for_losses_over_a_batch() -> None:
    """All of 7 x 2 x 8 x 4, but for InfoNCE and SigLIP over lists of their own."""
    refused = set()
    for tower, scorer, kind, negatives in product(
        [*WORD_TOWERS, "onnx"], ["embedding", "concatenation"], OBJECTIVES, NEGATIVES
    ):
        changes = {"text.tower": tower, "scorer.type": scorer, "scorer.learn_bias": True}
        try:
            parse(CAPTIONS, changes | {"objective.type": kind, "objective.negatives": negatives})
        except ConfigError:
            refused.add((kind, negatives))
    assert refused == set(product(["info_nce", "siglip"], NEGATIVES[1:]))


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_every_objective_may_be_symmetric_in_batch(kind: str) -> None:
    parse(CAPTIONS, {"objective.type": kind, "objective.symmetric": True, "scorer.learn_bias": True})


def test_several_misfits_are_listed_together() -> None:
    with pytest.raises(ConfigError, match=r"symmetric.*views"):
        parse(CAPTIONS, {"objective.symmetric": True, "objective.negatives": "hard", "image.views": 2})
