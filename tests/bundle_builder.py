"""Build a complete, tiny model bundle whose embeddings can be worked out by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import onnx
import sentencepiece
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from tokenizers import models, pre_tokenizers

from tusou.text.analyze import analyze

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


Kind = Literal["sentencepiece", "words", "tokenizers"]


def build_bundle(
    folder: Path,
    *,
    name: str = "tiny",
    kind: Kind = "sentencepiece",
    mask: bool = True,
    space: int = DIM,
    scoring: bool = False,
    **changes: Any,
) -> Path:
    """Write a bundle: a picture's embedding is its mean colour, a text's the colours it names.

    A token that is part of a colour word points to that colour's axis, every other token to all three
    axes alike; a text is the sum over its tokens.

    Args:
        folder: Made if missing.
        name: Name in the manifest.
        kind: Of the tokenizer.
        mask: Whether the text tower reads the mask; one without counts every id of a padded row but 0.
        space: Dimension of the embeddings; the colours are the last three axes.
        scoring: Add a network that scores pairs: twice their inner product, less 1.
        **changes: Top-level manifest entries to replace after everything else was filled in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, content, table = _TOKENIZERS[kind]()
    (folder / tokenizer["file"]).write_bytes(content)
    axes = np.eye(space, dtype=np.float32)[-DIM:]
    (folder / "image.onnx").write_bytes(_image_tower(axes))
    (folder / "text.onnx").write_bytes(_text_tower(table @ axes, mask=mask))
    if scoring:
        (folder / "scorer.onnx").write_bytes(_scorer())
        changes = {"scorer": "scorer.onnx"} | changes
    manifest = _manifest(folder, name, tokenizer) | {"dim": space} | changes
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _manifest(folder: Path, name: str, tokenizer: dict[str, Any]) -> dict[str, Any]:
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
            "tokenizer": tokenizer,
        },
        "sources": [{"name": "made by hand", "license": "Apache-2.0", "use": "tests"}],
        "files": {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in sorted(folder.iterdir())
            if path.name != "manifest.json"
        },
        "figures": {"success@10": 1.0},
    }


def _scorer() -> bytes:
    rows = [
        helper.make_tensor_value_info(side, TensorProto.FLOAT, ["n", "dim"]) for side in ("query", "image")
    ]
    nodes = [
        helper.make_node("Mul", ["query", "image"], ["products"]),
        helper.make_node("ReduceSum", ["products", "axes"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "two"], ["doubled"]),
        helper.make_node("Sub", ["doubled", "one"], ["score"]),
    ]
    constants = {"axes": np.array([1]), "two": np.full(1, 2, np.float32), "one": np.ones(1, np.float32)}
    graph = helper.make_graph(
        nodes,
        "scorer",
        rows,
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(made.SerializeToString())


def _sentencepiece() -> tuple[dict[str, Any], bytes, np.ndarray]:
    content = _sentencepiece_model()
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    table = _colour_table(processor.get_piece_size(), [processor.piece_to_id(word) for word in COLOR_WORDS])
    table[1:3] = 0.01
    spec = {"bos": 1, "eos": 2, "pad": 0, "max_tokens": 16, "lowercase": True}
    return {"type": "sentencepiece", "file": "tokenizer.model"} | spec, content, table


def _words() -> tuple[dict[str, Any], bytes, np.ndarray]:
    listed = ["<pad>", "<unk>", *(analyze(word).words[0] for word in COLOR_WORDS), "红色", "雪山"]
    table = _colour_table(len(listed), [2, 3, 4])
    table[5] = table[2]
    content = "".join(f"{word}\n" for word in listed).encode()
    return {"type": "words", "file": "words.txt", "max_tokens": 16}, content, table


def _json() -> tuple[dict[str, Any], bytes, np.ndarray]:
    listed = ["<pad>", "<s>", "</s>", "<unk>", *COLOR_WORDS, "tree"]
    tokenizer = tokenizers.Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(listed)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    content = tokenizer.to_str().encode()
    table = _colour_table(len(listed), [4, 5, 6])
    table[1:3] = 0.01
    spec = {"bos": 1, "eos": 2, "pad": 0, "max_tokens": 16, "pad_to_max": True, "lowercase": True}
    return {"type": "tokenizers", "file": "tokenizer.json"} | spec, content, table


_TOKENIZERS: dict[Kind, Callable[[], tuple[dict[str, Any], bytes, np.ndarray]]] = {
    "sentencepiece": _sentencepiece,
    "words": _words,
    "tokenizers": _json,
}


def _colour_table(rows: int, colors: list[int]) -> np.ndarray:
    table = np.full((rows, DIM), 0.1, dtype=np.float32)
    table[colors] = np.eye(DIM, dtype=np.float32)
    table[0] = 0
    return table


@cache
def _sentencepiece_model() -> bytes:
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


def _image_tower(axes: np.ndarray) -> bytes:
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "axes"], ["placed"]),
        helper.make_node("LpNormalization", ["placed"], ["embedding"], axis=1, p=2),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, "height", "width"])
    return _model(nodes, [pixels], [numpy_helper.from_array(axes, "axes")], axes.shape[1])


def _text_tower(table: np.ndarray, *, mask: bool) -> bytes:
    counted = [
        helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["wide"]),
        helper.make_node("Mul", ["tokens", "wide"], ["counted"]),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["tokens"]),
        *(counted if mask else []),
        helper.make_node("ReduceSum", ["counted" if mask else "tokens", "middle"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["embedding"], axis=1, p=2),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in (("ids", "mask") if mask else ("ids",))
    ]
    constants = [
        numpy_helper.from_array(table, "table"),
        *([numpy_helper.from_array(np.array([2]), "last")] if mask else []),
        numpy_helper.from_array(np.array([1]), "middle"),
    ]
    return _model(nodes, inputs, constants, table.shape[1])


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
    dim: int,
) -> bytes:
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dim])
    graph = helper.make_graph(nodes, "tower", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
