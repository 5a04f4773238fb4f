"""Bundles are found, described and verified."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundle_builder import DIM, build_bundle
from tusou.errors import BundleError
from tusou.models.bundle import list_bundles, load_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_bundle(tmp_path / "tiny")


def test_a_sound_bundle_loads(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert (bundle.manifest.name, bundle.dim) == ("tiny", DIM)
    assert bundle.byte_size == sum(
        path.stat().st_size for path in folder.iterdir() if path.name != "manifest.json"
    )
    name, version, digest = bundle.model_id.split("-")
    assert (name, version, len(digest)) == ("tiny", "1", 8)


def test_another_manifest_is_another_model(folder: Path) -> None:
    before = load_bundle(folder).model_id
    build_bundle(folder, figures={"success@10": 0.5})
    assert load_bundle(folder).model_id != before


def test_listing_finds_folders_with_a_manifest(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert list_bundles(tmp_path) == ["tiny"]


@pytest.mark.parametrize("name", ["nosuch", "/nosuch/place", ""])
def test_an_unknown_bundle_is_named(name: str) -> None:
    with pytest.raises(BundleError, match=r"no bundle .*--bundle") as caught:
        load_bundle(name)
    assert caught.value.reason == "bundle_not_found"


def damage(path: Path, kind: str) -> None:
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "truncated":
        path.write_bytes(content[:-1])
    elif kind == "altered":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif kind == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("file", ["image.onnx", "text.onnx", "tokenizer.model"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [("missing", "cannot be read"), ("truncated", "found"), ("altered", "was altered"), ("empty", "found 0")],
)
def test_damage_names_the_file(folder: Path, file: str, kind: str, words: str) -> None:
    damage(folder / file, kind)
    with pytest.raises(BundleError, match=rf"{file}.*{words}.*Copy the bundle") as caught:
        load_bundle(folder)
    assert caught.value.reason == "bundle_damaged"


def test_every_damaged_file_is_listed(folder: Path) -> None:
    damage(folder / "image.onnx", "missing")
    damage(folder / "text.onnx", "altered")
    with pytest.raises(BundleError, match=r"image\.onnx.*text\.onnx"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"dim": 0}, "dim"),
        ({"languages": ["fr"]}, "languages"),
        ({"surprise": 1}, "surprise"),
        ({"files": {}}, "image.onnx is used but has no digest"),
        ({"files": {"../../secret": {"sha256": "0" * 64, "bytes": 1}}}, "files"),
    ],
)
def test_a_wrong_manifest_names_the_entry(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    folder = build_bundle(tmp_path / "wrong", **change)
    with pytest.raises(BundleError, match=words) as caught:
        load_bundle(folder)
    assert caught.value.reason == "bundle_manifest"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match="schema 1"):
        load_bundle(folder)


def test_an_unreadable_manifest_is_refused(folder: Path) -> None:
    manifest = folder / "manifest.json"
    files = json.loads(manifest.read_bytes())["files"]
    assert "manifest.json" not in files
    manifest.unlink()
    manifest.mkdir()
    with pytest.raises(BundleError, match="no bundle"):
        load_bundle(folder)


def tokenizer_entry(**changes: Any) -> dict[str, Any]:
    entry = {"type": "words", "file": "tokenizer.model", "max_tokens": 8} | changes
    return {"text": {"file": "text.onnx", "tokenizer": entry}}


def image_entry(**changes: Any) -> dict[str, Any]:
    entry = {"file": "image.onnx", "size": 16, "resize": "squash", "mean": [0, 0, 0], "std": [1, 1, 1]}
    return {"image": entry | changes}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (tokenizer_entry(type="bpe"), "'bpe'.*'sentencepiece', 'words', 'tokenizers'"),
        (tokenizer_entry(pad=0), r"tokenizer\.words\.pad: Extra"),
        (tokenizer_entry(type="tokenizers"), r"tokenizer\.tokenizers\.bos: Field required"),
        (image_entry(resize="pad"), "resize"),
        (image_entry(interpolation="bicubic"), "squash knows interpolation area only, found bicubic"),
        (image_entry(resize="shortest_crop", interpolation="lanczos"), "interpolation"),
    ],
)
def test_a_wrong_input_names_the_entry(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(BundleError, match=words):
        load_bundle(build_bundle(tmp_path, **change))
