"""Bundles are installed whole or not at all, found by name, version, folder and model id."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from bundle_builder import build_bundle
from tusou.errors import BundleError, StorageFull
from tusou.models.bundle import load_bundle
from tusou.models.registry import Registry, models_folder


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return build_bundle(tmp_path / "tiny")


def installed(registry: Registry) -> list[str]:
    return [
        f"{path.parent.name}@{path.name}" for path in registry.places() if registry.folder in path.parents
    ]


def test_an_installed_bundle_is_found_by_name_version_folder_and_id(registry: Registry, source: Path) -> None:
    bundle = registry.install(source)
    assert bundle.path == registry.folder / "tiny" / "1"
    shutil.rmtree(source)
    for reference in ("tiny", "tiny@1", str(bundle.path), bundle.path):
        assert registry.load(reference) == bundle
    assert registry.with_model_id(bundle.model_id) == bundle.path


def test_the_shipped_bundle_needs_no_folder(registry: Registry) -> None:
    assert registry.load("base").manifest.name == "base"
    assert not registry.folder.exists()


def test_a_name_means_its_newest_version(registry: Registry, tmp_path: Path) -> None:
    for version in ("1.9", "1.10", "1.10-beta", "1.2"):
        registry.install(build_bundle(tmp_path / version, version=version))
    assert registry.load("tiny").manifest.version == "1.10-beta"
    assert registry.load("tiny@1.2").manifest.version == "1.2"
    versions = [bundle.manifest.version for bundle in registry.bundles() if bundle.manifest.name == "tiny"]
    assert versions == ["1.2", "1.9", "1.10", "1.10-beta"]


@pytest.mark.parametrize("reference", ["nosuch", "tiny@2", "/no/where", ""])
def test_what_is_not_there_is_told_with_what_is(registry: Registry, source: Path, reference: str) -> None:
    registry.install(source)
    with pytest.raises(BundleError, match=r"at hand are base@.*tiny@1.*models add") as caught:
        registry.resolve(reference)
    assert caught.value.reason == "bundle_not_found"


def test_a_model_that_is_not_at_hand(registry: Registry, source: Path) -> None:
    model_id = load_bundle(source).model_id
    with pytest.raises(BundleError, match=rf"{model_id}.*models add") as caught:
        registry.with_model_id(model_id)
    assert caught.value.reason == "model_not_at_hand"
    assert registry.with_model_id(model_id, configured=str(source)) == source


def test_only_listed_files_are_taken(registry: Registry, source: Path) -> None:
    (source / "run-me.sh").write_text("echo")
    bundle = registry.install(source)
    assert {path.name for path in bundle.path.iterdir()} == {*bundle.manifest.files, "manifest.json"}


def test_installing_again_changes_nothing(registry: Registry, source: Path) -> None:
    first = registry.install(source)
    before = {path: path.stat().st_mtime_ns for path in first.path.iterdir()}
    assert registry.install(source) == first
    assert {path: path.stat().st_mtime_ns for path in first.path.iterdir()} == before


def test_another_bundle_of_the_same_name_and_version_is_refused(
    registry: Registry, source: Path, tmp_path: Path
) -> None:
    registry.install(source)
    with pytest.raises(BundleError, match="another version") as caught:
        registry.install(build_bundle(tmp_path / "other", figures={"success@10": 0.1}))
    assert caught.value.reason == "bundle_exists"
    assert registry.load("tiny").manifest.figures == {"success@10": 1.0}


def test_a_damaged_source_is_not_installed(registry: Registry, source: Path) -> None:
    (source / "image.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"image\.onnx"):
        registry.install(source)
    assert installed(registry) == []


def test_a_damaged_installation_is_found_on_load(registry: Registry, source: Path) -> None:
    path = registry.install(source).path / "text.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match=r"text\.onnx was altered"):
        registry.load("tiny")


def test_a_copy_that_went_wrong_is_not_installed(
    registry: Registry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may write something else than it was given; only the verified draft gets the name."""

    def rot(reading: object, writing: object, _size: int) -> None:
        writing.write(b"rot")  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "copyfileobj", rot)
    with pytest.raises(BundleError):
        registry.install(source)
    assert installed(registry) == []
    assert [path.name for path in registry.folder.iterdir()] == [".lock"]


@pytest.mark.parametrize("step", range(1, 8))
def test_a_crash_at_any_step_leaves_a_whole_bundle_or_none(
    registry: Registry, source: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The process dies at its n-th fsync: nothing is cleaned up, and the next installation succeeds."""
    real = os.fsync
    count = 0

    def dying(fd: int) -> None:
        nonlocal count
        count += 1
        real(fd)
        if count == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dying)
        patch.setattr(shutil, "rmtree", lambda *_arguments, **_options: None)
        with pytest.raises(KeyboardInterrupt):
            registry.install(source)
    for path in registry.places():
        load_bundle(path)
    assert registry.install(source).path == registry.folder / "tiny" / "1"
    registry.load("tiny@1")
    assert list(registry.folder.glob(".draft-*")) == []


def test_a_full_disk_installs_nothing(
    registry: Registry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFull, match="free space"):
            registry.install(source)
    assert installed(registry) == []


def test_removal(registry: Registry, source: Path, tmp_path: Path) -> None:
    registry.install(source)
    registry.install(build_bundle(tmp_path / "two", version="2"))
    assert registry.remove("tiny@2").manifest.version == "2"
    assert installed(registry) == ["tiny@1"]
    registry.remove("tiny")
    assert [path.name for path in registry.folder.iterdir()] == [".lock"]


@pytest.mark.parametrize("reference", ["base", "source"])
def test_what_was_not_installed_is_not_removed(registry: Registry, source: Path, reference: str) -> None:
    with pytest.raises(BundleError, match="not tusou's to remove") as caught:
        registry.remove(str(source) if reference == "source" else reference)
    assert caught.value.reason == "bundle_not_installed"
    assert (source / "manifest.json").exists()


def test_an_unreadable_manifest_hides_no_other_bundle(registry: Registry, source: Path) -> None:
    registry.install(source)
    broken = registry.folder / "broken" / "1"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text(json.dumps([]))
    assert {bundle.manifest.name for bundle in registry.bundles()} == {"base", "tiny"}
    assert broken in registry.places()


def test_the_folder_follows_the_setting_then_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert models_folder() == tmp_path / "data" / "tusou" / "models"
    assert models_folder(str(tmp_path / "elsewhere")) == tmp_path / "elsewhere"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models_folder() == tmp_path / ".local" / "share" / "tusou" / "models"
