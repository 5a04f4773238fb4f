"""Heads: worked by hand, where they start, what dropout and the negative's bias do, the same in ONNX."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import gelu, normalize

from tusou.encoders.bundle_encoder import open_session
from tusou.training.onnx_export import export_module
from tusou.training.scorers.heads import Head, HeadKind

pytestmark = pytest.mark.train

KINDS = get_args(HeadKind)
every_kind = pytest.mark.parametrize("kind", KINDS)


def head_of(kind: HeadKind, **options: object) -> Head:
    torch.manual_seed(0)
    return Head(5, 3, kind, hidden=4, **options)  # type: ignore[arg-type]


def features(rows: int = 6) -> torch.Tensor:
    return torch.randn(rows, 5, generator=torch.Generator().manual_seed(1))


@every_kind
def test_rows_have_length_one(kind: HeadKind) -> None:
    rows = head_of(kind)(features())
    assert rows.shape == (6, 3)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(6))


def test_linear_and_tanh_by_hand() -> None:
    """Rows (3, 4) give (.6, .8); tanh turns it a little."""
    for kind in ("linear", "tanh"):
        head = Head(1, 2, kind)
        with torch.no_grad():
            head.linear.weight.copy_(torch.tensor([[1.0], [2.0]]))
            head.linear.bias.copy_(torch.tensor([1.0, 0.0]))
        row = [3.0, 4.0] if kind == "linear" else [math.tanh(3), math.tanh(4)]
        length = math.hypot(*row)
        assert head(torch.tensor([[2.0]]))[0].tolist() == pytest.approx([each / length for each in row])


def test_mlp_is_a_hidden_layer_with_gelu() -> None:
    head = head_of("mlp")
    first = next(head.before.children())
    assert isinstance(first, nn.Linear)
    expected = gelu(features() @ first.weight.T + first.bias) @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(head(features()), normalize(expected))


def test_residual_starts_exactly_at_its_linear_head_and_leaves_it() -> None:
    head = head_of("residual")
    straight = normalize(head.linear(features()))
    assert torch.equal(head(features()), straight)
    target = normalize(torch.randn(6, 3, generator=torch.Generator().manual_seed(2)))
    optimizer = torch.optim.SGD(head.beside.parameters(), lr=0.5)  # type: ignore[union-attr]
    before = (head(features()) * target).sum()
    for _ in range(5):
        optimizer.zero_grad()
        torch.autograd.backward(-(head(features()) * target).sum())
        optimizer.step()
    assert (head(features()) * target).sum() > before + 0.1


@every_kind
def test_first_weights_have_deviation_one_over_root_of_inputs(kind: HeadKind) -> None:
    torch.manual_seed(0)
    head = Head(400, 300, kind, hidden=200)
    for name, module in head.named_modules():
        if isinstance(module, nn.Linear) and name != "beside.up":
            assert module.weight.std().item() == pytest.approx(module.in_features**-0.5, rel=0.02)
            assert not module.bias.any()


def test_dropout_works_in_training_only() -> None:
    head = head_of("linear", dropout=0.5)
    torch.manual_seed(3)
    assert not torch.equal(head(features()), head(features()))
    head.eval()
    assert torch.equal(head(features()), head(features()))


@pytest.mark.parametrize("kind", ["linear", "tanh"])
def test_negative_bias_takes_the_place_of_the_other(kind: HeadKind) -> None:
    head = head_of(kind, negative_bias=True)
    assert head.negative_bias is not None
    with torch.no_grad():
        head.linear.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
        head.negative_bias.copy_(torch.tensor([-1.0, 0.5, 0.0]))
    row = features() @ head.linear.weight.T + head.negative_bias
    expected = normalize(torch.tanh(row) if kind == "tanh" else row)
    torch.testing.assert_close(head(features(), negative=True), expected)
    loss = head(features(), negative=True).sum()
    torch.autograd.backward(loss)
    assert head.negative_bias.grad is not None
    assert head.negative_bias.grad.any()
    assert head.linear.bias.grad is None or head.linear.bias.grad.abs().max() < 1e-6


def test_without_a_bias_of_its_own_the_negative_is_as_any_other() -> None:
    head = head_of("tanh")
    assert torch.equal(head(features(), negative=True), head(features()))


@every_kind
def test_onnx_gives_the_same_rows(kind: HeadKind, tmp_path: Path) -> None:
    head = head_of(kind, dropout=0.5).eval()
    export_module(nn.Sequential(head), (features(2),), tmp_path / "head.onnx", ["features"], "row")
    session = open_session(tmp_path / "head.onnx", 1)
    for rows in (1, 6):
        found = session.run(None, {"features": features(rows).numpy()})[0]
        np.testing.assert_allclose(found, head(features(rows)).detach().numpy(), atol=1e-6)
