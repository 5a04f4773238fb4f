"""The verbs that fill and keep a library, as a person calls them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder
from library_builder import picture, write_pictures
from tusou.catalog.library import Library
from tusou.cli.main import cli
from tusou.errors import TusouError


@pytest.fixture(autouse=True)
def _keyword_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def maker(_library: Library) -> Callable[[], KeywordEncoder]:
        return KeywordEncoder

    for verb in ("ingest", "rebuild"):
        monkeypatch.setattr(f"tusou.cli.{verb}.encoder_maker", maker)
    monkeypatch.setenv("TUSOU_WORKERS", "1")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("TUSOU_LIBRARY", str(tmp_path / "lib"))

    def call(*arguments: str | Path, code: int = 0, answer: str = "") -> Result:
        words = [str(each) for each in arguments]
        result = CliRunner().invoke(cli, words, input=answer, standalone_mode=False)
        error = result.exception
        if error is not None and not isinstance(error, TusouError | click.ClickException | click.Abort):
            raise error
        got = result.return_value or 0 if error is None else getattr(error, "exit_code", 1)
        assert got == code, f"{result.output}{error}"
        return result

    return call


Run = Callable[..., Result]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "src", 3)
    (tmp_path / "src" / "bad.jpg").write_text("=cmd()")
    (tmp_path / "src" / "supplier.json").write_text(
        json.dumps({"name": "birds", "title": "鸟", "license": "CC BY 4.0", "authority": 0.9})
    )
    return tmp_path / "src"


def values(result: Result) -> Any:
    return json.loads(result.stdout)


def test_ingest_with_a_described_supplier(run: Run, source: Path, tmp_path: Path) -> None:
    result = run("ingest", source, "--quiet", "--report", tmp_path / "refused.csv")
    assert "3 added, 0 updated, 0 unchanged, 1 refused" in result.stdout
    assert "refused bad.jpg" in result.stderr
    with (tmp_path / "refused.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["path"], row["reason"]) == ("bad.jpg", "not_an_image")
    assert values(run("supplier", "list", "--json"))[0]["authority"] == 0.9

    again = values(run("ingest", source, "--supplier", "birds", "--json", "--quiet"))
    assert again["counts"] | {"seen": 0} == {
        "seen": 0, "added": 0, "updated": 0, "unchanged": 3, "duplicates": 0, "refused": 1, "unlicensed": 0,
    }  # fmt: skip
    assert again["reasons"] == {"not_an_image": 1}
    run("ingest", source, "--quiet", "--strict", code=1)

    listed = values(run("jobs", "--json"))
    assert [job["state"] for job in listed] == ["done"] * 3
    one = values(run("jobs", "1", "--json", "--report", tmp_path / "refused.jsonl"))
    assert one["reasons"] == {"not_an_image": 1}
    assert one["refusals"][0]["path"] == "bad.jpg"
    assert json.loads((tmp_path / "refused.jsonl").read_text())["reason"] == "not_an_image"
    assert "not_an_image" in run("jobs", "1").stdout
    assert "birds" in run("jobs").stdout

    assert values(run("check", "--json")) == {"images": 3, "problems": []}
    found = values(run("stats", "--json"))
    assert (found["images"], found["suppliers"], found["licenses"]) == (3, {"birds": 3}, {"CC-BY-4.0": 3})
    assert "3 images" in run("stats").stdout
    assert "all well" in run("check", "--quick").stdout

    ids = _ids(tmp_path)
    run("remove", ids[0], "--json", answer="n\n", code=1)
    assert values(run("remove", ids[0], "--json", "--yes")) == {"removed": [ids[0]]}
    run("supplier", "remove", "birds", code=1)
    assert "and 2 images" in run("supplier", "remove", "birds", "--with-images", "--yes").stdout
    assert values(run("check", "--json"))["images"] == 0


def _ids(tmp_path: Path) -> list[str]:
    with Library.open(tmp_path / "lib") as library:
        return [record.image_id for record in library.catalog.records()]


def test_nothing_but_refusals_is_a_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.jpg").write_text("no")
    run("supplier", "add", "acme")
    run("ingest", tmp_path / "src", "--supplier", "acme", "--quiet", code=1)


def test_damage_is_found_and_mended(run: Run, source: Path, tmp_path: Path) -> None:
    run("ingest", source, "--quiet")
    lib = tmp_path / "lib"
    blob = next(path for path in lib.glob("blobs/??/??/*"))
    good = blob.read_bytes()
    blob.write_bytes(good[:-1] + b"x")
    with Library.open(lib, writer=True) as library:
        digests = library.thumbnails.digests()
        library.thumbnails.delete(digests)
        library.thumbnails.put([("f" * 64, b"stray")])
        library.blobs.put(b"stray")
    rows = next(lib.glob("embeddings/*/rows.f16"))
    rows.write_bytes(b"\xff" + rows.read_bytes()[1:])
    found = values(run("check", "--json", code=1))["problems"]
    whats = " | ".join(problem["what"] for problem in found)
    for expected in (
        "original does not match its SHA-256", "image without a thumbnail", "thumbnail of no image",
        "original of no image", "do not match their checksum",
    ):  # fmt: skip
        assert expected in whats
    assert all(problem["where"] and problem["advice"] for problem in found)
    assert "SHA-256" not in run("check", "--quick", code=1).stdout

    blob.write_bytes(good)
    next(path for path in lib.glob("blobs/??/??/*") if path.read_bytes() == b"stray").unlink()
    assert "indexed 3 images" in run("rebuild", "--thumbnails", "--embeddings").stdout
    assert values(run("check", "--json"))["problems"] == []

    blob.unlink()
    assert "cannot be read" in run("check", "--quick", code=1).stdout
    assert "[vanished]" in run("rebuild", "--thumbnails", code=1).stderr


def test_a_missing_index_is_built_by_check(run: Run, source: Path, tmp_path: Path) -> None:
    run("ingest", source, "--quiet")
    (tmp_path / "lib" / "index").rename(tmp_path / "away")
    assert values(run("check", "--json"))["problems"] == []


def test_a_damaged_index_is_named_and_rebuilt(run: Run, source: Path, tmp_path: Path) -> None:
    run("ingest", source, "--quiet")
    for path in (tmp_path / "lib" / "index").glob("*/*"):
        if path.is_file():
            path.write_bytes(b"garbage")
    (problem, *_) = values(run("check", "--json", code=1))["problems"]
    assert problem["advice"] == "tusou rebuild"
    run("rebuild")
    assert values(run("check", "--json"))["problems"] == []


def test_a_mistyped_library_is_not_made(run: Run, source: Path, tmp_path: Path) -> None:
    result = run("ingest", source, "--supplier", "ghost", "--library", tmp_path / "typo", code=1)
    assert "supplier add ghost" in str(result.exception)
    assert not (tmp_path / "typo").exists()


def test_dry_run_writes_nothing(run: Run, source: Path, tmp_path: Path) -> None:
    result = run("ingest", source, "--dry-run")
    assert "would read 4 of 4" in result.stdout
    assert not (tmp_path / "lib").exists()
    run("ingest", source, "--quiet")
    counted = values(run("ingest", source, "--dry-run", "--json", "--report", tmp_path / "r.jsonl"))["counts"]
    assert counted == {"seen": 4, "read": 1, "unchanged": 3, "refused": 0}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ingest", "{tmp}/gone", "--supplier", "x"], "source_not_found"),
        (["ingest", "{tmp}/src", "--supplier", "ghost"], "supplier_not_found"),
        (["ingest", "{tmp}/plain"], "missing_supplier"),
        (["stats", "--library", "{tmp}/none"], "library_not_found"),
        (["check", "--library", "{tmp}/none"], "library_not_found"),
        (["ingest", "{tmp}/src", "--library", "{tmp}/plain"], "library_not_found"),
        (["supplier", "add", "acme", "--license", "gratis"], "unknown_license"),
        (["supplier", "add", "Not A Name"], "bad_supplier"),
        (["supplier", "update", "ghost"], "supplier_not_found"),
        (["jobs", "99"], "job_not_found"),
        (["remove", "nosuchid", "--yes"], "image_not_found"),
        (["licenses", "gratis"], "unknown_license"),
    ],
)
def test_errors_have_a_reason(
    run: Run, tmp_path: Path, source: Path, arguments: list[str], reason: str
) -> None:
    write_pictures(tmp_path / "plain", 1)
    run("supplier", "add", "first")
    result = run(*(each.format(tmp=tmp_path) for each in arguments), code=1)
    assert isinstance(result.exception, TusouError)
    assert result.exception.reason == reason


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", "x", "--map", "nonsense"],
        ["ingest", "x", "--format", "video"],
        ["remove"],
        ["remove", "a", "--supplier", "b"],
        ["jobs", "--report", "x.csv"],
        ["supplier", "add", "x", "--authority", "7"],
    ],
)
def test_wrong_usage(run: Run, arguments: list[str]) -> None:
    run(*arguments, code=2)


def test_suppliers(run: Run, source: Path) -> None:
    run(
        "supplier",
        "add",
        "birds",
        "--title",
        "鸟",
        "--license",
        "https://creativecommons.org/licenses/by/4.0/",
    )
    run("ingest", source, "--quiet")
    run("supplier", "update", "birds", "--license", "CC0", "--contact", "bird@example.org")
    (listed,) = values(run("supplier", "list", "--json"))
    assert (listed["title"], listed["license"], listed["images"]) == ("鸟", "CC0-1.0", 3)
    assert "bird@example.org" in run("supplier", "list").stdout
    assert values(run("stats", "--json"))["licenses"] == {"CC0-1.0": 3}
    run("remove", "--supplier", "birds", "--yes")
    run("supplier", "remove", "birds")
    assert values(run("supplier", "list", "--json")) == []


def test_licenses(run: Run) -> None:
    codes = [row["code"] for row in values(run("licenses", "--json"))]
    assert {"CC0-1.0", "CC-BY-SA-4.0", "GPL-2.0-or-later", "LicenseRef-RightsManaged"} <= set(codes)
    (one,) = values(run("licenses", "cc by-nc 4.0", "--json"))
    assert (one["code"], one["commercial"]) == ("CC-BY-NC-4.0", False)
    assert "署名" in run("licenses", "CC-BY-4.0").stdout


def test_in_place_and_mapping(run: Run, tmp_path: Path) -> None:
    write_pictures(tmp_path / "pics", 1)
    (tmp_path / "list.csv").write_text("datei,titel\np000.jpg,Hallo\n", encoding="utf-16")
    run("supplier", "add", "acme")
    run(
        "ingest", tmp_path / "list.csv", "--supplier", "acme", "--map", "datei=image", "--map", "titel=title",
        "--images", tmp_path / "pics", "--in-place", "--quiet",
    )  # fmt: skip
    with Library.open(tmp_path / "lib") as library:
        (record,) = library.catalog.records()
        assert record.metadata.title_en == "Hallo"
        assert library.original_path(record).read_bytes() == picture(0)
        assert list(library.blobs.digests()) == []
