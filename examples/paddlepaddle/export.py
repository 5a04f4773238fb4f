"""Write the trained layers as a model bundle: two ONNX graphs, a vocabulary and a manifest.

Two fully connected layers are four operations each, so the graphs are written directly and nothing of
PaddlePaddle is left in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from features import SIZE, feature_graph
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from tusou.encoders.tokenizers_words import SPECIAL
from tusou.models.manifest import BundleFile, DataSource, ImageInput, Manifest, TextInput, WordsTokenizer

Tensor = npt.NDArray[np.float32]

IMAGE = ImageInput(file="image.onnx", size=SIZE, resize="squash", mean=(0, 0, 0), std=(255, 255, 255))
WORDS = WordsTokenizer(type="words", file="vocabulary.txt", max_tokens=32)
OPSET, IR_VERSION = 17, 8


def write_vocabulary(folder: Path, words: Sequence[str]) -> Path:
    """Write one word a line behind ``<pad>`` and ``<unk>``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WORDS.file
    path.write_text("\n".join([*SPECIAL, *words]) + "\n", encoding="utf-8")
    return path


def write_bundle(folder: Path, table: Tensor, weights: Mapping[str, Tensor]) -> None:
    """Write towers and manifest beside the vocabulary.

    Args:
        folder: Holds vocabulary.txt.
        table: (words, query width) vectors, one per line of the vocabulary.
        weights: Parameters of the network, by its own names; one bias for both images.
    """
    dim = weights["query_weight"].shape[1]
    (folder / "image.onnx").write_bytes(image_tower(weights).SerializeToString())
    (folder / "text.onnx").write_bytes(text_tower(table, weights).SerializeToString())
    manifest = Manifest(
        schema_version=1,
        name="paddle-shapes",
        version="1",
        license="Apache-2.0",
        dim=dim,
        languages=("en", "zh"),
        image=IMAGE,
        text=TextInput(file="text.onnx", tokenizer=WORDS),
        sources=(DataSource(name="drawn shapes", license="Apache-2.0", use="training"),),
        files={path.name: _described(path) for path in sorted(folder.iterdir()) if path.suffix != ".json"},
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def feature_model() -> ModelProto:
    """Pixels to picture features, which is what the network is trained on."""
    nodes, constants = feature_graph()
    return _model(nodes, [_pixels()], constants, "feature")


def image_tower(weights: Mapping[str, Tensor]) -> ModelProto:
    """Pixels to embeddings."""
    nodes, constants = feature_graph()
    nodes += _layer("image")
    return _model(nodes, [_pixels()], [*constants, *_parameters("image", weights)], "embedding")


def text_tower(table: Tensor, weights: Mapping[str, Tensor]) -> ModelProto:
    """Word ids to embeddings: the mean of the word vectors, then the layer."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["vectors"]),
        helper.make_node("Cast", ["mask"], ["counts"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counts", "last"], ["wide"]),
        helper.make_node("Mul", ["vectors", "wide"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "words"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["wide", "words"], ["length"], keepdims=0),
        helper.make_node("Div", ["sum", "length"], ["feature"]),
        *_layer("query"),
    ]
    constants = {"table": table, "last": np.array([2]), "words": np.array([1])}
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("ids", "mask")
    ]
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return _model(nodes, inputs, [*stored, *_parameters("query", weights)], "embedding")


def _layer(side: str) -> list[NodeProto]:
    """Feature to embedding: product, bias, tanh, unit length (what the cosine divides by)."""
    return [
        helper.make_node("MatMul", ["feature", f"{side}_weight"], ["product"]),
        helper.make_node("Add", ["product", f"{side}_bias"], ["biased"]),
        helper.make_node("Tanh", ["biased"], ["activation"]),
        helper.make_node("LpNormalization", ["activation"], ["embedding"], axis=1, p=2),
    ]


def _parameters(side: str, weights: Mapping[str, Tensor]) -> list[TensorProto]:
    names = (f"{side}_weight", f"{side}_bias")
    return [numpy_helper.from_array(np.asarray(weights[name], np.float32), name) for name in names]


def _pixels() -> helper.ValueInfoProto:
    return helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])


def _model(
    nodes: Sequence[NodeProto], inputs: Sequence[object], constants: Sequence[TensorProto], output: str
) -> ModelProto:
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "width"])
    graph = helper.make_graph(nodes, "tower", inputs, [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model, full_check=True)
    return model


def _described(path: Path) -> BundleFile:
    content = path.read_bytes()
    return BundleFile(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
