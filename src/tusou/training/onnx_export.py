"""Write a torch module as an ONNX graph that ONNX Runtime runs as it stands."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

OPSET = 17


def export_module(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: Sequence[str],
    output: str,
    *,
    tokens: Sequence[str] = (),
) -> None:
    """Export a module in eval mode.

    Args:
        module: Tensors in, one tensor out.
        example: Inputs of the right shapes, batch first, at least two rows.
        path: File to write.
        inputs: Names of the inputs.
        output: Name of the output.
        tokens: Inputs whose second axis, the tokens, varies as well.
    """
    axes = {name: {0: "batch", 1: "tokens"} if name in tokens else {0: "batch"} for name in inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it reads
        torch.onnx.export(
            module.eval(),
            example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={**axes, output: {0: "batch"}},
        )
