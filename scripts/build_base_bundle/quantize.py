"""Static int8 for the convolutions of the backbone, calibrated on pictures like those it will see.

Dynamic int8 would make convolutions slower, not faster. What was measured on the way (docs/design/0002):

* Pointwise weights keep 7 of their 8 bits: x86 without VNNI adds pairs of products in 16 bits, which full
  8-bit weights overflow. Depthwise kernels do not add in pairs and take all 8.
* The stem and the first block stay float32: one twentieth of the work, half of the error.
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

OPERATORS = ["Conv", "Clip", "Add"]

FLOAT_PARTS = ("/_conv_stem/", "/_swish/", "/_blocks.0/")
"""Beginnings of the names of nodes that stay float32."""


class Batches(CalibrationDataReader):  # type: ignore[misc]
    """Calibration pictures, one tensor at a time."""

    def __init__(self, tensors: Iterator[np.ndarray]) -> None:
        self._tensors = tensors

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input, or None at the end."""
        tensor = next(self._tensors, None)
        return None if tensor is None else {"pixels": tensor}


def quantize_backbone(source: Path, target: Path, tensors: Iterator[np.ndarray]) -> None:
    """Write the int8 backbone.

    Args:
        source: ``backbone.onnx``.
        target: File to write.
        tensors: (n, 3, size, size) float32 batches, normalised as the tower's input.
    """
    nodes = [node for node in onnx.load(source).graph.node if node.op_type in OPERATORS]
    whole = {
        node.input[1]: [{"quant_type": QuantType.QInt8, "reduce_range": False, "axis": 0}]
        for node in nodes
        if node.op_type == "Conv" and _groups(node) > 1
    }
    quantize_static(
        source,
        target,
        Batches(tensors),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=OPERATORS,
        nodes_to_quantize=[node.name for node in nodes if not node.name.startswith(FLOAT_PARTS)],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,  # percentiles cost six times as long and gained nothing
        extra_options={"TensorQuantOverrides": whole},
    )


def _groups(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
