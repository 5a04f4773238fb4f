"""A fixed picture feature of 1000 numbers in ONNX operations: what colour and which edges each cell shows.

It stands where the 1000 outputs of an image classifier would stand in a real system: any ONNX graph with a
fixed output can take its place.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIZE = 60
CELLS = 5
CHANNELS = 20
WIDTH = 2 * CHANNELS * CELLS * CELLS

Tensor = npt.NDArray[np.float32]


def feature_graph() -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes and constants from ``pixels`` (batch, 3, SIZE, SIZE), 0 to 1, to ``feature`` (batch, WIDTH)."""
    cell = SIZE // CELLS
    pool = {"kernel_shape": [cell, cell], "strides": [cell, cell]}
    nodes = [
        helper.make_node("Conv", ["pixels", "colors", "color_offsets"], ["nearness"]),
        helper.make_node("Softmax", ["nearness"], ["color"], axis=1),
        helper.make_node("Pad", ["pixels", "border"], ["padded"], mode="edge"),
        helper.make_node("Conv", ["padded", "edges"], ["slopes"]),
        helper.make_node("Relu", ["slopes"], ["edge"]),
        helper.make_node("Concat", ["color", "edge"], ["maps"], axis=1),
        helper.make_node("AveragePool", ["maps"], ["cells"], **pool),
        helper.make_node("Flatten", ["cells"], ["feature"]),
    ]
    colors, offsets = color_filters()
    constants = {
        "colors": colors,
        "color_offsets": offsets,
        "edges": edge_filters(),
        "border": np.array([0, 0, 2, 2, 0, 0, 2, 2]),
    }
    return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]


def color_filters(softness: float = 0.1) -> tuple[Tensor, Tensor]:
    """1 × 1 filters and offsets: softmax over them says which of CHANNELS colours a pixel is closest to.

    The colours are the corners of the RGB cube and the middles of its edges. -‖p - c‖² is 2 p·c - ‖c‖² but
    for a term equal for all colours.
    """
    steps = [point for point in product((0.0, 0.5, 1.0), repeat=3) if point.count(0.5) < 2]
    points = np.array(steps, dtype=np.float32)
    filters = 2 * points / softness
    return filters[:, :, None, None], -(points**2).sum(axis=1) / np.float32(softness)


def edge_filters() -> Tensor:
    """5 × 5 filters that answer to light growing in one of CHANNELS directions."""
    y, x = np.mgrid[-2:3, -2:3] / 2
    angles = 2 * np.pi * np.arange(CHANNELS)[:, None, None] / CHANNELS
    slopes = (x * np.cos(angles) + y * np.sin(angles)) * np.exp(-(x**2) - y**2)
    return np.repeat(slopes[:, None], 3, axis=1).astype(np.float32)
