"""``tusou feedback`` as people and programs call it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder
from search_builders import BLUE, RED, YELLOW, World, solid
from tusou.cli.main import cli, main
from tusou.evaluation.qrels import read_judgments, read_queries
from tusou.feedback.records import LoggedEvent, LoggedQuery
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.training.data.reading import read_source

NOW = 1_700_000_000_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("feedback"))
    made.add_many(
        [
            (solid(RED), {"item_id": "rose", "title_en": "red rose"}),
            (solid(BLUE), {"item_id": "sea", "title_en": "red sea"}),
            (solid(YELLOW), {"item_id": "sun", "title_en": "sun"}),
        ]
    )
    yield made
    made.close()


@pytest.fixture
def world(shared: World) -> World:
    """The library, as if nobody had searched it yet."""
    for file in shared.library.path.glob(f"{FILE_NAME}*"):
        file.unlink()
    return shared


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """Item id to image id."""
    return {record.item_id: record.image_id for record in world.library.catalog.records()}


def run(world: World, verb: str, *arguments: str) -> Result:
    command = ["feedback", verb, "--library", str(world.library.path), *arguments]
    return CliRunner().invoke(cli, command, standalone_mode=False)


def answer(world: World, verb: str, *arguments: str, code: int | None = None) -> dict[str, Any]:
    result = run(world, verb, "--json", *arguments)
    assert result.exception is None, result.output
    assert result.return_value == code
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def write_log(world: World, ids: dict[str, str], searches: int = 40) -> None:
    """People ask for red and choose the rose, on top or below the sea."""
    hits = [(ids["rose"], ids["sea"]), (ids["sea"], ids["rose"])]
    queries = [
        LoggedQuery(f"q{i}", NOW + 60_000 * i, "red", hits[i % 2], client=f"c{i % 4}")
        for i in range(searches)
    ]
    clicks = [
        LoggedEvent(f"e{i}", f"q{i}", "click", NOW + 60_000 * i + 500, ids["rose"]) for i in range(searches)
    ]
    with EventStore(world.library.path / FILE_NAME) as store:
        store.write(queries, clicks, now=NOW + 10**9)


def test_stats_count_searches_sessions_and_clicks(world: World, ids: dict[str, str]) -> None:
    write_log(world, ids)
    figures = answer(world, "stats")
    assert figures["searches"] == 40
    assert figures["sessions"] == 4  # every client's pauses are shorter than half an hour
    assert figures["events"] == {"click": 40}
    assert figures["applications"] == {"tusou": 40}
    assert figures["top_queries"] == [{"q": "red", "impressions": 80, "clicks": 40}]
    assert [row["row"] for row in figures["rows"]] == [1, 2]
    assert [row["click_rate"] for row in figures["rows"]] == [0.5, 0.5]
    assert figures["first"] == "2023-11-14T22:13:20.000Z"
    assert figures["swaps"] == []
    shown = run(world, "stats")
    assert shown.exit_code == 0
    assert "top queries" in shown.output
    assert answer(world, "stats", "--application", "other")["searches"] == 0


def test_stats_of_a_library_nobody_searched_say_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["feedback", "stats", "--library", str(world.library.path)])
    assert caught.value.code == 1
    assert "nothing has been logged yet" in capsys.readouterr().err


def test_a_log_goes_out_and_comes_in(world: World, ids: dict[str, str], tmp_path: Path) -> None:
    write_log(world, ids)
    out = str(tmp_path / "out")
    assert answer(world, "export", out) == {"output": out, "searches": 40, "events": 40, "images": 0}
    assert "40 searches" in run(world, "export", out).output
    (world.library.path / FILE_NAME).unlink()
    assert answer(world, "import", out, code=0)["events"] == 40
    assert answer(world, "import", out, code=0)["duplicates"] == 40
    assert answer(world, "stats")["clicks"] == 40


def test_bad_rows_are_listed_and_fail_the_command(world: World, tmp_path: Path) -> None:
    source, report = tmp_path / "log.jsonl", tmp_path / "bad.tsv"
    source.write_text('{"query_id": "q1", "user_query": "x", "timestamp": 1700000000000}\nbroken\n')
    done = answer(world, "import", str(source), "--application", "shop", code=1)
    assert done["searches"] == 1
    assert done["left_out"]["per_reason"] == {"bad_row": 1}
    shown = run(world, "import", str(source), "--report", str(report))
    assert shown.return_value == 1
    assert "log.jsonl:2" in shown.output
    assert report.read_text().startswith("log.jsonl:2\tbad_row\t")
    assert answer(world, "stats")["applications"] == {"shop": 1}


def test_clicks_become_judgments_whatever_place_they_fell_on(
    world: World, ids: dict[str, str], tmp_path: Path
) -> None:
    write_log(world, ids)
    assert answer(world, "export", str(tmp_path / "j"), "--format", "judgments")["judgments"] == 2
    (query,) = read_queries(tmp_path / "j" / "queries.jsonl")
    assert (query.q, query.lang, query.kind) == ("red", "en", "clicks")
    judged = {each.doc_id: each.grade for each in read_judgments(tmp_path / "j" / "judgments.qrels")}
    assert judged["acme/rose"] > judged["acme/sea"] == 0
    details = [json.loads(line) for line in (tmp_path / "j" / "judgments.jsonl").read_text().splitlines()]
    assert all(each["confidence"] >= 0.5 for each in details)
    none = answer(world, "export", str(tmp_path / "k"), "--format", "judgments", "--confidence", "1")
    assert none["judgments"] == 0


def test_training_lists_are_read_by_the_readers_of_training_data(
    world: World, ids: dict[str, str], tmp_path: Path
) -> None:
    write_log(world, ids, 6)
    hits = (ids["sun"], "gone")
    gone = LoggedQuery("q-gone", NOW, "sun", hits)
    unclicked = LoggedQuery("q-none", NOW, "sun", (ids["sun"],))
    with EventStore(world.library.path / FILE_NAME) as store:
        click = LoggedEvent("e-gone", "q-gone", "click", NOW, ids["sun"])
        store.write([gone, unclicked], [click], now=NOW + 10**9)
    out = tmp_path / "lists"
    figures = answer(world, "export", str(out), "--format", "training")
    assert figures == {"output": str(out), "searches": 6, "events": 6, "images": 2}
    again = answer(world, "export", str(out), "--format", "training")  # over what lies there
    assert again == figures
    read = read_source(out, None)
    assert read.format == "ubi"
    assert not read.problems.rows
    checked = CliRunner().invoke(cli, ["data", "check", str(out)])
    assert checked.exit_code == 0, checked.output


def test_purging_asks_first_and_deletes(world: World, ids: dict[str, str]) -> None:
    write_log(world, ids)
    refused = CliRunner().invoke(
        cli, ["feedback", "purge", "--library", str(world.library.path)], input="n\n"
    )
    assert refused.exit_code == 1
    assert answer(world, "stats")["searches"] == 40
    kept = run(world, "purge", "--yes", "--older-than", "100000")
    assert "0 searches deleted" in kept.output
    assert "40 searches deleted" in run(world, "purge", "--yes").output
    write_log(world, ids)
    assert "40 searches deleted" in run(world, "purge", "--yes", "--older-than", "0").output


def test_simulated_people_click_what_is_relevant_and_never_mix_with_real_ones(
    world: World, ids: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusou.encoders.library_encoder.open_library_encoder", lambda _: KeywordEncoder())
    queries, qrels, out = tmp_path / "q.jsonl", tmp_path / "q.qrels", tmp_path / "out"
    queries.write_text('{"query_id": "q1", "lang": "en", "kind": "word", "q": "red"}\n')
    qrels.write_text("q1 looked acme/sea 3\nq1 looked acme/rose 0\n")
    options = ["--queries", str(queries), "--qrels", str(qrels), "--sessions", "300", "--depth", "5"]
    made = answer(world, "simulate", str(out), *options, "--model", "cascade")
    assert made["searches"] == 300
    first = (out / "ubi_events.jsonl").read_text()
    assert "searches" in run(world, "simulate", str(out), *options, "--model", "cascade").output
    clicked = [json.loads(line)["event_attributes"]["object"]["object_id"] for line in first.splitlines()]
    assert clicked.count(ids["sea"]) > 5 * clicked.count(ids["rose"])
    assert answer(world, "import", str(out), code=0)["events"] == len(clicked)
    figures = answer(world, "stats")
    assert figures["searches"] == 0
    assert figures["applications"] == {"tusou-simulation": 300}
    assert answer(world, "stats", "--application", "tusou-simulation")["clicks"] == len(clicked)
