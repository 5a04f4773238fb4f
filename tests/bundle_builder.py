"""Build a complete, tiny model bundle whose embeddings can be worked out by hand."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import sentencepiece
from onnx import TensorProto, helper, numpy_helper

DIM = 3
SIZE = 16
COLOR_WORDS = ("red", "green", "blue")
SENTENCES = [
    "red",
    "green",
    "blue",
    "a red car",
    "a green tree",
    "the blue sea",
    "雪山",
    "红色的车",
    "蓝色的海",
]


def build_bundle(folder: Path, *, name: str = "tiny", **changes: Any) -> Path:
    """Write a bundle: a picture's embedding is its mean colour, a text's the colours it names.

    A token that is part of a colour word points to that colour's axis, every other token to all three
    axes alike; a text is the sum over its tokens.

    Args:
        folder: Made if missing.
        name: Name in the manifest.
        **changes: Top-level manifest entries to replace after everything else was filled in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer_model()
    (folder / "tokenizer.model").write_bytes(tokenizer)
    (folder / "image.onnx").write_bytes(_image_tower())
    (folder / "text.onnx").write_bytes(_text_tower(tokenizer))
    manifest = _manifest(folder, name) | changes
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _manifest(folder: Path, name: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "version": "1",
        "license": "Apache-2.0",
        "dim": DIM,
        "languages": ["en", "zh"],
        "image": {
            "file": "image.onnx",
            "size": SIZE,
            "resize": "squash",
            "mean": [0.0, 0.0, 0.0],
            "std": [255.0, 255.0, 255.0],
        },
        "text": {
            "file": "text.onnx",
            "tokenizer": {
                "type": "sentencepiece",
                "file": "tokenizer.model",
                "bos": 1,
                "eos": 2,
                "pad": 0,
                "max_tokens": 16,
                "lowercase": True,
            },
        },
        "sources": [{"name": "made by hand", "license": "Apache-2.0", "use": "tests"}],
        "files": {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in sorted(folder.iterdir())
            if path.name != "manifest.json"
        },
        "figures": {"success@10": 1.0},
    }


@cache
def _tokenizer_model() -> bytes:
    with TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES),
            model_prefix=f"{folder}/tokenizer",
            vocab_size=60,
            hard_vocab_limit=False,
            user_defined_symbols=",".join(COLOR_WORDS),
            minloglevel=2,
        )
        return Path(folder, "tokenizer.model").read_bytes()


def _image_tower() -> bytes:
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["embedding"], axis=1, p=2),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, "height", "width"])
    return _model(nodes, [pixels], [])


def _text_tower(tokenizer: bytes) -> bytes:
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer)
    table = np.full((processor.get_piece_size(), DIM), 0.1, dtype=np.float32)
    for axis, word in enumerate(COLOR_WORDS):
        table[processor.piece_to_id(word)] = np.eye(DIM, dtype=np.float32)[axis]
    table[:3] = 0.01
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["tokens"]),
        helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["wide"]),
        helper.make_node("Mul", ["tokens", "wide"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "middle"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["embedding"], axis=1, p=2),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("ids", "mask")
    ]
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "middle"),
    ]
    return _model(nodes, inputs, constants)


def _model(
    nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], constants: list[onnx.TensorProto]
) -> bytes:
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIM])
    graph = helper.make_graph(nodes, "tower", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
