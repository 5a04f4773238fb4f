"""Frozen ONNX towers: they encode what their graphs say, and refuse to learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tusou.errors import BundleError, ConfigError, EncoderError
from tusou.training.towers.image.onnx import OnnxImageTower
from tusou.training.towers.image.registry import build_image_tower
from tusou.training.towers.text.onnx import OnnxTextTower
from tusou.training.towers.text.registry import build_text_tower

pytestmark = pytest.mark.train

WORDS = {"type": "words", "file": "words.txt", "max_tokens": 8}


def save_graph(
    path: Path, nodes: list[onnx.NodeProto], inputs: dict[str, tuple[int, list[str | int]]], width: int | str
) -> Path:
    table = numpy_helper.from_array(np.arange(10, dtype=np.float32).reshape(5, 2), "table")
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", width])],
        [table],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def image_graph(path: Path, *, side: int | str = 4, channels: int | str = 3) -> Path:
    nodes = [helper.make_node("ReduceMean", ["pixels"], ["features"], axes=[2, 3], keepdims=0)]
    return save_graph(path, nodes, {"pixels": (TensorProto.FLOAT, ["batch", channels, side, side])}, channels)


def text_graph(path: Path, name: str = "ids") -> Path:
    """Largest row of the table for each text."""
    nodes = [
        helper.make_node("Gather", ["table", name], ["rows"]),
        helper.make_node("ReduceMax", ["rows"], ["features"], axes=[1], keepdims=0),
    ]
    (path.parent / "words.txt").write_text("<pad>\n<unk>\n狗\ncat\ntree\n", encoding="utf-8")
    return save_graph(path, nodes, {name: (TensorProto.INT64, ["batch", "tokens"])}, 2)


def test_image_graph_encodes_more_than_a_batch(tmp_path: Path) -> None:
    tower = build_image_tower("onnx", file=image_graph(tmp_path / "image.onnx"))
    assert isinstance(tower, OnnxImageTower)
    assert (tower.size, tower.width, tower.channels) == (4, 3, 3)
    pixels = np.random.default_rng(0).normal(size=(11, 3, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(tower.encode(pixels), pixels.mean(axis=(2, 3)), atol=1e-6)
    assert tower.encode(pixels[:0]).shape == (0, 3)


def test_image_graph_of_any_size_takes_the_stated_one(tmp_path: Path) -> None:
    file = image_graph(tmp_path / "image.onnx", side="side")
    assert build_image_tower("onnx", file=file, size=32).size == 32
    with pytest.raises(ConfigError, match="axis 2 must be a fixed number"):
        build_image_tower("onnx", file=file)


def test_image_graph_contradicting_its_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be 32"):
        build_image_tower("onnx", file=image_graph(tmp_path / "image.onnx", side=64), size=32)


def test_graph_without_a_fixed_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="features has shape"):
        build_image_tower("onnx", file=image_graph(tmp_path / "image.onnx", channels="channels"))


def test_pixels_the_graph_cannot_read_are_refused(tmp_path: Path) -> None:
    tower = build_image_tower("onnx", file=image_graph(tmp_path / "image.onnx"))
    assert isinstance(tower, OnnxImageTower)
    with pytest.raises(EncoderError, match=r"image\.onnx failed"):
        tower.encode(np.zeros((1, 3, 5, 5), dtype=np.float32))


def test_text_graph_encodes_with_its_tokenizer(tmp_path: Path) -> None:
    tower = build_text_tower("onnx", file=text_graph(tmp_path / "text.onnx"), tokenizer=WORDS)
    assert isinstance(tower, OnnxTextTower)
    assert tower.width == 2
    assert tower.encode(["a tree and a cat", "狗", "cat"]).tolist() == [[8, 9], [4, 5], [6, 7]]


def test_text_graph_with_other_inputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="input_ids"):
        build_text_tower("onnx", file=text_graph(tmp_path / "text.onnx", "input_ids"), tokenizer=WORDS)


def test_tokenizer_table_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        build_text_tower(
            "onnx", file=text_graph(tmp_path / "text.onnx"), tokenizer={"type": "words", "file": "words.txt"}
        )


def test_training_is_refused_with_the_reason(tmp_path: Path) -> None:
    image = build_image_tower("onnx", file=image_graph(tmp_path / "image.onnx"))
    text = build_text_tower("onnx", file=text_graph(tmp_path / "text.onnx"), tokenizer=WORDS)
    for tower in (image, text):
        assert isinstance(tower, OnnxImageTower | OnnxTextTower)
        tower.freeze("none")
        with pytest.raises(ConfigError, match="computes no gradients"):
            tower.freeze("all")


def test_damaged_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"image\.onnx"):
        build_image_tower("onnx", file=tmp_path / "image.onnx")
