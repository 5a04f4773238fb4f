"""Tiny graphs with the names, types and shapes of each family's exports, and colours for a mind.

An image's embedding is its mean colour, a text's the sum of the colours it names, both in the first three of
as many dimensions as the real model has. Means and deviations are the families' published ones, on the scale
0 to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from tiny_tokenizers import COLORS
from tokenizers import Tokenizer

Shape = list[str | int]
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
NONE = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
Norm = tuple[tuple[float, float, float], tuple[float, float, float]]


class Graph:
    """A graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def takes(self, name: str, kind: int, shape: Shape) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def gives(self, name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def save(self, opset: int = 17) -> bytes:
        stored = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs, stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString()
        return content


def colours_of(graph: Graph, pixels: str, norm: Norm, dim: int, output: str) -> None:
    """Undo the family's normalisation, average, spread over the dimensions."""
    mean, std = (np.array(values, dtype=np.float32) for values in norm)
    graph.node("ReduceMean", [pixels], "average", axes=[2, 3], keepdims=0)
    graph.node("Mul", ["average", graph.constant("std", std)], "scaled")
    graph.node("Add", ["scaled", graph.constant("mean", mean)], "colour")
    graph.node("MatMul", ["colour", graph.constant("image_head", np.eye(3, dim, dtype=np.float32))], output)


def token_table(tokenizer: str, dim: int) -> np.ndarray:
    """One row per token: a colour's axis, nothing for special tokens, a little of everything for others."""
    loaded = Tokenizer.from_str(tokenizer)
    loaded.no_padding()
    table = np.zeros((loaded.get_vocab_size(), dim), dtype=np.float32)
    table[:, :3] = 0.02
    for word, axis in COLORS.items():
        ids = loaded.encode(word, add_special_tokens=False).ids
        table[ids[-1]] = np.eye(1, dim, axis, dtype=np.float32)
    special = ("<pad>", "<eos>", "<bos>", "<s>", "</s>", "[PAD]", "[CLS]", "[SEP]", "<|startoftext|>", "!")
    for token in special:
        if (place := loaded.token_to_id(token)) is not None:
            table[place] = 0
    return table


def siglip2_image(size: int, dim: int = 768) -> bytes:
    graph = Graph()
    pixels = graph.takes("pixel_values", TensorProto.FLOAT, ["batch_size", 3, size, size])
    colours_of(graph, pixels, HALF, dim, "pooler_output")
    graph.node("Unsqueeze", ["pooler_output", graph.constant("one", np.array([1]))], "last_hidden_state")
    graph.gives("last_hidden_state", ["batch_size", "patches", dim])
    graph.gives("pooler_output", ["batch_size", dim])
    return graph.save()


def siglip2_text(tokenizer: str, dim: int = 768) -> bytes:
    """Reads 64 tokens, no fewer: its positions are a table of that length."""
    graph = Graph()
    graph.takes("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
    graph.node("Gather", [graph.constant("table", token_table(tokenizer, dim)), "input_ids"], "tokens")
    places = graph.constant("positions", np.zeros((1, 64, 1), dtype=np.float32))
    graph.node("Add", ["tokens", places], "last_hidden_state")
    graph.node(
        "ReduceSum", ["last_hidden_state", graph.constant("one", np.array([1]))], "pooler_output", keepdims=0
    )
    graph.gives("last_hidden_state", ["batch_size", "sequence_length", dim])
    graph.gives("pooler_output", ["batch_size", dim])
    return graph.save()


def chinese_clip_joint(tokenizer: str, dim: int = 512) -> bytes:
    """Both towers in one graph, with the logits between them."""
    graph = Graph()
    graph.takes("input_ids", TensorProto.INT64, ["text_batch_size", "sequence_length"])
    graph.takes("pixel_values", TensorProto.FLOAT, ["image_batch_size", "num_channels", "height", "width"])
    graph.takes("attention_mask", TensorProto.INT64, ["text_batch_size", "sequence_length"])
    colours_of(graph, "pixel_values", CLIP, dim, "image_sum")
    graph.node("LpNormalization", ["image_sum"], "image_embeds", axis=1, p=2)
    graph.node("Gather", [graph.constant("table", token_table(tokenizer, dim)), "input_ids"], "tokens")
    graph.node("Cast", ["attention_mask"], "counted", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["counted", graph.constant("two", np.array([2]))], "wide")
    graph.node("Mul", ["tokens", "wide"], "kept")
    graph.node("ReduceSum", ["kept", graph.constant("one", np.array([1]))], "text_sum", keepdims=0)
    graph.node("LpNormalization", ["text_sum"], "text_embeds", axis=1, p=2)
    graph.node("Transpose", ["image_embeds"], "turned", perm=[1, 0])
    graph.node("MatMul", ["text_embeds", "turned"], "logits_per_text")
    graph.node("Transpose", ["logits_per_text"], "logits_per_image", perm=[1, 0])
    graph.gives("logits_per_image", ["image_batch_size", "text_batch_size"])
    graph.gives("logits_per_text", ["text_batch_size", "image_batch_size"])
    graph.gives("text_embeds", ["text_batch_size", dim])
    graph.gives("image_embeds", ["image_batch_size", dim])
    return graph.save(opset=14)


def one_image(name: str, output: str, dim: int, size: int = 224) -> bytes:
    """A tower exported for exactly one picture."""
    graph = Graph()
    graph.takes(name, TensorProto.FLOAT, [1, 3, size, size])
    colours_of(graph, name, CLIP, dim, output)
    graph.gives(output, [1, dim])
    return graph.save()


def one_text(tokenizer: str, kind: int, length: int, output: str, dim: int) -> bytes:
    """A tower exported for exactly one text of one length, of int32 or int64 ids, without a mask."""
    graph = Graph()
    graph.takes("text", kind, [1, length])
    graph.node("Gather", [graph.constant("table", token_table(tokenizer, dim)), "text"], "ids")
    graph.node("ReduceSum", ["ids", graph.constant("one", np.array([1]))], output, keepdims=0)
    graph.gives(output, [1, dim])
    return graph.save()


def mobileclip2_image(dim: int = 512) -> bytes:
    graph = Graph()
    graph.takes("pixel_values", TensorProto.FLOAT, ["batch_size", 3, 256, 256])
    colours_of(graph, "pixel_values", NONE, dim, "image_embeds")
    graph.gives("image_embeds", ["batch_size", dim])
    return graph.save()


def mobileclip2_text(tokenizer: str, dim: int = 512) -> bytes:
    """Pools where the id is largest, so what follows the end token must be smaller than it."""
    graph = Graph()
    graph.takes("input_ids", TensorProto.INT64, ["batch_size", 77])
    graph.node("Gather", [graph.constant("table", token_table(tokenizer, dim)), "input_ids"], "tokens")
    graph.node("CumSum", ["tokens", graph.constant("axis", np.array(1))], "so_far")
    graph.node("ArgMax", ["input_ids"], "end", axis=1, keepdims=0, select_last_index=1)
    graph.node(
        "OneHot",
        [
            "end",
            graph.constant("depth", np.array(77)),
            graph.constant("bits", np.eye(1, 2, 1, dtype=np.float32)[0]),
        ],
        "chosen",
    )
    graph.node("Unsqueeze", ["chosen", graph.constant("two", np.array([2]))], "wide")
    graph.node("Mul", ["so_far", "wide"], "only")
    graph.node("ReduceSum", ["only", graph.constant("one", np.array([1]))], "text_embeds", keepdims=0)
    graph.gives("text_embeds", ["batch_size", dim])
    return graph.save()
