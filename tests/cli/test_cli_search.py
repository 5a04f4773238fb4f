"""The search verbs as people and programs call them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder
from search_builders import BLUE, RED, World, png, solid
from tusou.cli.answers import NOTES
from tusou.cli.main import cli, main
from tusou.search.parse import parse_query


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("cli"))
    made.add_many(
        [
            (
                solid(RED),
                {
                    "item_id": "rose",
                    "title_en": "A red rose",
                    "title_zh": "红玫瑰",
                    "license": "CC-BY-4.0",
                    "creator": "Ann Lee",
                    "keywords_en": ("flower",),
                },
            ),
            (solid(BLUE), {"item_id": "sea", "title_en": "Sea [draft]", "supplier": "zoo"}),
        ]
    )
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusou.search.engine.open_library_encoder", lambda _: KeywordEncoder())


def run(world: World, verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [verb, "--library", str(world.library.path), *arguments])


def answer(world: World, verb: str, *arguments: str) -> dict[str, Any]:
    result = run(world, verb, "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def test_people_see_a_table(world: World) -> None:
    result = run(world, "search", "红玫瑰")
    assert result.exit_code == 0, result.output
    first = next(line for line in result.output.splitlines() if "红玫瑰" in line)
    assert "Acme Pictures" in first
    assert "CC-BY-4.0" in first
    assert "1–2 of 2" in result.output
    assert "\x1b[" not in result.output


def test_titles_follow_the_language_of_the_words(world: World) -> None:
    assert "A red rose" in run(world, "search", "rose").output
    assert "红玫瑰" in run(world, "search", "rose", "--lang", "zh").output


def test_markup_in_a_title_is_shown_as_it_is(world: World) -> None:
    assert "Sea [draft]" in run(world, "search", "sea").output


def test_explanations_show_words_and_parts(world: World) -> None:
    output = run(world, "search", "red rose", "--explain", "--k", "1").output
    assert "red, rose" in output
    assert "dense_similarity" in output
    assert "█" in output
    assert "closer than 100.0% of the other candidates" in output
    assert "more with --offset 1" in output


def test_notes_and_facets_are_put_in_words(world: World) -> None:
    output = run(world, "search", "--facets").output
    assert NOTES["empty_query"] in output
    assert "supplier: acme 1, zoo 1" in output


def test_json_is_stable(world: World) -> None:
    found = answer(world, "search", "red rose", "--explain", "--facets")
    assert set(found) == {
        "query_id", "total", "relevant", "more_relevant", "offset", "results", "facets", "notes", "timings"
    }  # fmt: skip
    first = found["results"][0]
    assert (first["rank"], first["title"], first["supplier"]) == (1, "A red rose", "acme")
    assert first["fields_matched"] == ["title"]
    parts = sum(part["contribution"] for part in first["explain"]["contributions"])
    assert parts == pytest.approx(first["score"], abs=1e-5)
    assert first["explain"]["percentile"] == 1.0
    assert found["facets"]["supplier"] == [{"value": "acme", "count": 1}, {"value": "zoo", "count": 1}]
    assert first["attribution"].startswith("“A red rose” by Ann Lee")


def test_a_file_an_id_and_a_region_are_query_pictures(world: World, tmp_path: Path) -> None:
    picture = tmp_path / "query.png"
    picture.write_bytes(png(solid(BLUE)))
    by_file = answer(world, "search", "--image", str(picture), "--region", "0,0,0.5,0.5")
    assert by_file["results"][0]["item_id"] == "sea"
    sea = by_file["results"][0]["id"]
    assert [item["item_id"] for item in answer(world, "search", "--image", sea)["results"]] == ["rose"]
    assert [item["item_id"] for item in answer(world, "similar", sea)["results"]] == ["rose"]
    assert answer(world, "similar", sea, "--same")["total"] == 0
    assert answer(world, "similar", sea, "supplier:zoo")["total"] == 0


def test_filters_may_be_options(world: World) -> None:
    assert [item["item_id"] for item in answer(world, "search", "--supplier", "zoo")["results"]] == ["sea"]
    assert [item["item_id"] for item in answer(world, "search", "--license", "cc-by")["results"]] == ["rose"]
    newest = answer(world, "search", "--sort", "newest", "--offset", "1")
    assert [item["item_id"] for item in newest["results"]] == ["rose"]


def test_nothing_found_says_what_to_do(world: World) -> None:
    assert "Try other words" in run(world, "search", '"nowhere to be found"').output
    assert "ends at 2" in run(world, "search", "red", "--offset", "50").output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["color:blurple"], "bad_filter"),
        (["supplier:nobody"], "unknown_supplier"),
        (["x" * 10_000], "query_too_long"),
        (["--image", "no-such-file.png"], "no_such_picture"),
        (["--image", "."], "unreadable_picture"),
        (["--image", "http://127.0.0.1/x.png"], "private_address"),
        (["--region", "1,2,3"], "bad_region"),
        (["--region", "0,0,1,1"], "no_picture"),
        (["--mode", "same"], "no_picture"),
    ],
)
def test_errors_are_one_line_with_a_reason(
    world: World, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["search", "--library", str(world.library.path), *arguments])
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith(f"[{reason}]\n")
    assert printed.err.count("\n") == 1


def test_an_unknown_image_is_an_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("similar", "show"):
        with pytest.raises(SystemExit) as caught:
            main([verb, "--library", str(world.library.path), "nobody"])
        assert caught.value.code == 1
        assert "[image_not_found]" in capsys.readouterr().err


def test_show_tells_everything(world: World) -> None:
    rose = answer(world, "search", "rose")["results"][0]["id"]
    output = run(world, "show", rose).output
    for part in (
        "A red rose / 红玫瑰",
        "Ann Lee",
        "CC-BY-4.0",
        "commercial",
        "32 x 32 png",
        "#ff0000",
        "sharpness",
    ):
        assert part in output
    found = answer(world, "show", rose)
    assert found["metadata"]["title_zh"] == "红玫瑰"
    assert Path(found["original"]).is_file()
    assert "红玫瑰" in run(world, "show", rose, "--lang", "zh").output.splitlines()[0]


@pytest.mark.parametrize(
    "query", ["", "的", "😀", "-a", "color:red", '"open', "w " * 3 + " ".join(map(str, range(40)))]
)
def test_every_note_is_put_in_words(query: str) -> None:
    assert all(note in NOTES for note in parse_query(query).notes)
