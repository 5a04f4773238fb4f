"""``tusou models add, list, info, remove, use, rollback`` on two tiny bundles and a small library."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from switch_builder import Bundles, build_bundles, embed_in_this_process, ingest_with, write_colors
from tusou.cli.main import cli
from tusou.errors import BundleError, CatalogError

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    return build_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def lib(tmp_path: Path, bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures, embedded with the installed tiny bundle."""
    monkeypatch.setenv("TUSOU_LIBRARY", str(tmp_path / "lib"))
    monkeypatch.setenv("TUSOU_MODELS", str(tmp_path / "models"))
    embed_in_this_process(monkeypatch)
    write_colors(tmp_path / "src", 3)
    ingest_with(tmp_path / "lib", tmp_path / "src", bundles.opener("tiny"))
    run("models", "add", bundles.tiny)
    return tmp_path / "lib"


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(each) for each in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    assert (result.return_value or 0) == code, result.output
    return result


def values(*arguments: str | Path, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code).stdout)


def test_a_library_is_switched_and_goes_back(lib: Path, bundles: Bundles) -> None:
    tiny, wide = bundles.model("tiny").model_id, bundles.model("wide").model_id
    summary = values("models", "use", bundles.wide)
    assert (summary["state"], summary["model_id"], summary["dim"], summary["images"]) == ("done", wide, 5, 3)
    assert summary["refused"] == summary["without_embedding"] == []
    assert values("models", "use", "--status") == {
        "current": {"model_id": wide, "dim": 5, "rows": 3, "of": 3},
        "previous": {"model_id": tiny, "dim": 3, "rows": 3, "of": 3},
    }
    assert values("search", "red")["results"][0]["id"]
    assert values("models", "rollback")["model_id"] == tiny
    assert "current   tiny-1" in run("models", "use", "--status").stdout
    assert "uses wide-1" in run("models", "rollback").stdout
    assert "already" in run("models", "use", "wide@1").stdout


def test_a_folder_is_installed_by_use_so_it_may_go_away(lib: Path, bundles: Bundles, tmp_path: Path) -> None:
    copy = tmp_path / "run" / "export"
    shutil.copytree(bundles.wide, copy)
    run("models", "use", copy)
    shutil.rmtree(copy)
    assert values("search", "red")["total"] == 3
    assert "the library uses wide-1" in run("models", "use", "wide").stdout


def test_list_and_info_tell_who_uses_what(lib: Path, bundles: Bundles) -> None:
    run("models", "use", bundles.wide)
    roles = {entry["name"]: entry["role"] for entry in values("models", "list")}
    assert roles == {"base": None, "tiny": "previous", "wide": "current"}
    table = run("models", "list").stdout
    assert "current" in table
    assert "success@10 1" in table
    told = run("models", "info", "wide").stdout
    for word in ("Apache-2.0", "made by hand", "image.onnx", "success@10", "current"):
        assert word in told
    whole = values("models", "info", "tiny@1")
    assert whole["role"] == "previous"
    assert len(whole["files"]["image.onnx"]["sha256"]) == 64


def test_a_bundle_in_use_is_not_removed(lib: Path, bundles: Bundles) -> None:
    run("models", "use", bundles.wide)
    for name, role in (("wide", "current"), ("tiny@1", "previous")):
        with pytest.raises(BundleError, match=f"is the {role} model") as caught:
            run("models", "remove", name)
        assert caught.value.reason == "bundle_in_use"
    assert "removed tiny-1" in run("models", "remove", "tiny", "--library", lib / "nowhere").stdout
    with pytest.raises(BundleError, match="models add"):
        run("models", "rollback")
    assert values("models", "use", "--status")["current"]["model_id"].startswith("wide")


def test_a_damaged_bundle_is_not_switched_to(lib: Path, bundles: Bundles, tmp_path: Path) -> None:
    installed = Path(values("models", "add", bundles.wide)["path"])
    (installed / "image.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"image\.onnx"):
        run("models", "use", "wide")
    assert list(values("models", "use", "--status")) == ["current"]


def test_a_manifest_that_cannot_be_read_is_pointed_at(lib: Path, tmp_path: Path) -> None:
    broken = tmp_path / "models" / "broken" / "1" / "manifest.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    result = run("models", "list")
    assert str(broken.parent) in result.stderr
    assert "tiny" in result.stdout


def test_without_a_switch_there_is_no_way_back(lib: Path) -> None:
    with pytest.raises(CatalogError, match="never switched"):
        run("models", "rollback")


def test_a_library_whose_bundle_is_gone_says_what_to_do(lib: Path) -> None:
    run("models", "remove", "tiny", "--library", lib / "nowhere")
    with pytest.raises(BundleError, match=r"uses the model tiny-1.*models add") as caught:
        run("search", "red")
    assert caught.value.reason == "model_not_at_hand"
