"""Static int8 for the convolutions of an image tower, calibrated on pictures like those it will see.

Dynamic int8 makes convolutions slower, not faster. What was measured on the way (docs/design/0002):

* Pointwise weights keep 7 of their 8 bits: x86 without VNNI adds pairs of products in 16 bits, which full
  8-bit weights overflow. Depthwise kernels do not add in pairs and take all 8.
* The first convolutions (of each tower, where several stand side by side) stay float32: one twentieth of
  the work, half of the error.
* The pooled means and everything behind them stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

OPERATORS = ("Conv", "Clip", "Relu", "Add")

POOLS = ("ReduceMean", "GlobalAveragePool")

FLOAT_CONVOLUTIONS = 3
"""Convolutions at the start of each branch that stay float32, with what stands before the next one."""


class Batches(CalibrationDataReader):  # type: ignore[misc]
    """Calibration pictures, one tensor at a time."""

    def __init__(self, tensors: Iterator[np.ndarray]) -> None:
        self._tensors = tensors

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input, or None at the end."""
        tensor = next(self._tensors, None)
        return None if tensor is None else {"pixels": tensor}


def quantize_tower(source: Path, target: Path, tensors: Iterator[np.ndarray]) -> None:
    """Write the int8 tower.

    Args:
        source: ``image.onnx`` in float32, paddings folded into the convolutions.
        target: File to write.
        tensors: (n, 3, size, size) float32 batches, normalised as the tower's input.
    """
    chosen = _quantized(onnx.load(source).graph)
    whole = {
        node.input[1]: [{"quant_type": QuantType.QInt8, "reduce_range": False, "axis": 0}]
        for node in chosen
        if node.op_type == "Conv" and _groups(node) > 1
    }
    quantize_static(
        source,
        target,
        Batches(tensors),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(OPERATORS),
        nodes_to_quantize=[node.name for node in chosen],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,  # percentiles cost six times as long and gained nothing
        extra_options={"TensorQuantOverrides": whole},
    )


def _quantized(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes behind the first convolutions of their branch and before anything is pooled."""
    depth: dict[str, int] = {}
    pooled: set[str] = set()
    chosen = []
    for node in graph.node:  # inputs stand before their users
        convolutions = max((depth.get(name, 0) for name in node.input), default=0)
        convolutions += node.op_type == "Conv"
        behind_pool = node.op_type in POOLS or any(name in pooled for name in node.input)
        depth |= dict.fromkeys(node.output, convolutions)
        pooled |= set(node.output) if behind_pool else set()
        if node.op_type in OPERATORS and convolutions > FLOAT_CONVOLUTIONS and not behind_pool:
            chosen.append(node)
    return chosen


def _groups(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
