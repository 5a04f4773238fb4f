"""A hub's graph becomes a bundle's tower, or the message says what was expected and what was found."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tiny_towers as towers
from onnx import TensorProto
from tiny_tokenizers import bert
from tiny_towers import Graph

from tusou.errors import BundleError
from tusou.models.hub.convert import convert_tower
from tusou.models.hub.entry import HubFile, HubTower

IMAGE = HubTower(HubFile("x"), {"pixels": "pixel_values"}, "image_embeds")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def run(path: Path, **inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(["embedding"], inputs)
    result: np.ndarray = output
    return result


def test_a_joint_graph_is_cut_in_two(tmp_path: Path) -> None:
    joint = written(tmp_path / "joint.onnx", towers.chinese_clip_joint(bert()))
    convert_tower(joint, IMAGE, tmp_path / "image.onnx")
    text = HubTower(HubFile("x"), {"ids": "input_ids", "mask": "attention_mask"}, "text_embeds")
    convert_tower(joint, text, tmp_path / "text.onnx")
    image_graph, text_graph = (onnx.load(tmp_path / name).graph for name in ("image.onnx", "text.onnx"))
    assert [entry.name for entry in image_graph.input] == ["pixels"]
    assert [entry.name for entry in text_graph.input] == ["ids", "mask"]
    assert (tmp_path / "image.onnx").stat().st_size < joint.stat().st_size / 3  # the token table stays out


def test_the_embedding_has_unit_length_whatever_the_graph_gives(tmp_path: Path) -> None:
    source = written(tmp_path / "hub.onnx", towers.mobileclip2_image())
    convert_tower(source, IMAGE, tmp_path / "image.onnx")
    found = run(tmp_path / "image.onnx", pixels=np.full((2, 3, 256, 256), 0.2, np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("opset", [13, 17, 22])
def test_half_precision_and_a_bundle_s_own_names_inside_do_no_harm(tmp_path: Path, opset: int) -> None:
    graph = Graph()
    graph.takes("pixels", TensorProto.FLOAT16, ["batch", 3, 16, 16])
    graph.node("GlobalAveragePool", ["pixels"], "ids")
    graph.node("Flatten", ["ids"], "embedding")
    graph.gives("embedding", ["batch", 3], TensorProto.FLOAT16)
    source = written(tmp_path / "hub.onnx", graph.save(opset))
    convert_tower(source, HubTower(HubFile("x"), {"pixels": "pixels"}, "embedding"), tmp_path / "image.onnx")
    pixels = np.zeros((1, 3, 16, 16), np.float32)
    pixels[:, 1] = 3
    np.testing.assert_allclose(run(tmp_path / "image.onnx", pixels=pixels), [[0, 1, 0]], atol=1e-3)


def test_weights_beside_the_graph_move_into_it(tmp_path: Path) -> None:
    model = onnx.load_from_string(towers.mobileclip2_image())
    onnx.save(model, tmp_path / "hub.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    convert_tower(tmp_path / "hub.onnx", IMAGE, tmp_path / "image.onnx")
    (tmp_path / "weights").unlink()
    assert run(tmp_path / "image.onnx", pixels=np.ones((1, 3, 256, 256), np.float32)).shape == (1, 512)


@pytest.mark.parametrize(
    ("tower", "words"),
    [
        (replace(IMAGE, inputs={"pixels": "image"}), "expected inputs image and"),
        (replace(IMAGE, output="pooler"), "output pooler, found inputs pixel_values"),
    ],
)
def test_other_names_are_told(tmp_path: Path, tower: HubTower, words: str) -> None:
    source = written(tmp_path / "hub.onnx", towers.mobileclip2_image())
    with pytest.raises(BundleError, match=rf"hub\.onnx: .*{words}.*outputs image_embeds") as caught:
        convert_tower(source, tower, tmp_path / "image.onnx")
    assert caught.value.reason == "bundle_tower"


def test_a_tower_that_needs_more_than_a_bundle_gives_is_refused(tmp_path: Path) -> None:
    joint = written(tmp_path / "joint.onnx", towers.chinese_clip_joint(bert()))
    without_mask = HubTower(HubFile("x"), {"ids": "input_ids"}, "text_embeds")
    with pytest.raises(BundleError, match=r"joint\.onnx cannot become a tower.*attention_mask"):
        convert_tower(joint, without_mask, tmp_path / "text.onnx")


@pytest.mark.parametrize("content", [b"", b"no graph", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BundleError, match=r"hub\.onnx"):
        convert_tower(written(tmp_path / "hub.onnx", content), IMAGE, tmp_path / "image.onnx")


def test_a_missing_library_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BundleError, match=r"tusou\[hub\]") as caught:
        convert_tower(tmp_path / "hub.onnx", IMAGE, tmp_path / "image.onnx")
    assert caught.value.reason == "missing_extra"
