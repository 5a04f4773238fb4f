"""UBI files in and out: what goes out comes back, and rows that cannot be used are named with the reason."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from feedback_builders import NOW, event, logged, query, write

from tusou.errors import FeedbackError
from tusou.feedback.exporting import export_ubi
from tusou.feedback.importing import MAX_LINE, ImportReport, import_ubi
from tusou.feedback.records import DAY
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import EventStore
from tusou.feedback.ubi import event_of, query_of, unflattened
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers import ubi as training_reader

ASKED = {"query_id": "q1", "user_query": "雪山", "timestamp": "2023-11-14T22:13:20Z"}
HITS = {"query_response_hit_ids": ["a", "b"]}
CLICK = {
    "action_name": "click",
    "query_id": "q1",
    "timestamp": "2023-11-14T22:13:25Z",
    "event_attributes": {"object": {"object_id": "b"}, "position": {"ordinal": 2}},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(tmp_path / "events.sqlite") as store:
        yield store


def lines(path: Path, *rows: Any) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


def load(store: EventStore, source: Path, **options: Any) -> ImportReport:
    return import_ubi(store, source, now=NOW + DAY, **options)


def bad(report: ImportReport) -> list[tuple[str, str]]:
    return [(row.where, row.reason) for row in report.bad_rows]


def test_what_is_exported_comes_back_whole_and_once(store: EventStore, tmp_path: Path) -> None:
    write(
        store,
        query(client="c", application="page", first_rank=3, attributes={"lang": "zh"}, explored={4: 0.5}),
        query("q2", "second"),
        event("e1", image="b", row=1, column=2, columns=4),
        event("e2", "impression", "a", query_id="q2"),
        event("e3", "other", ""),
    )
    exported = export_ubi(store, tmp_path / "out")
    assert (exported.searches, exported.events) == (2, 3)
    with EventStore(tmp_path / "copy.sqlite") as copy:
        report = load(copy, tmp_path / "out")
        assert (report.queries, report.accepted, report.duplicates, bad(report)) == (2, 3, 0, [])
        again = load(copy, tmp_path / "out")
        assert (again.accepted, again.duplicates) == (0, 3)
    assert load(store, tmp_path / "out").duplicates == 3  # the log it came from knows it as well
    assert logged(tmp_path / "copy.sqlite") == logged(store.path)


def test_an_export_leaves_simulated_searches_out_unless_named(store: EventStore, tmp_path: Path) -> None:
    write(store, query("real"), query("made", application=SIMULATION), event(query_id="made"))
    assert export_ubi(store, tmp_path / "a").searches == 1
    assert export_ubi(store, tmp_path / "b", applications=[SIMULATION]).events == 1


def test_an_export_spans_many_queries(store: EventStore, tmp_path: Path) -> None:
    write(store, *(query(f"q{i}") for i in range(4500)))
    write(store, *(event(str(i), query_id=f"q{i}") for i in range(0, 4500, 700)))
    assert export_ubi(store, tmp_path / "out").events == 7


def test_the_reader_of_training_data_reads_an_export(store: EventStore, tmp_path: Path) -> None:
    hits = ("a.jpg", "b.jpg", "c.jpg")
    write(store, query(hits=hits), event(image="b.jpg"), event("e2", "download", "c.jpg"))
    export_ubi(store, tmp_path / "out")
    for name in hits:
        (tmp_path / "out" / name).write_bytes(b"pixels")
    problems = Problems()
    assert training_reader.recognises(tmp_path / "out")
    data = training_reader.read(tmp_path / "out", DataOptions(), problems)
    assert not problems
    assert data.queries == ("snow 雪",)
    assert data.grades.tolist() == [0, 1, 2]


def test_a_file_may_mix_queries_and_events_in_any_order(store: EventStore, tmp_path: Path) -> None:
    report = load(store, lines(tmp_path / "log.jsonl", CLICK, ASKED | HITS))
    assert (report.queries, report.accepted, bad(report)) == (1, 1, [])
    queries, events = logged(store.path)
    assert (queries[0].user_query, queries[0].hits, queries[0].application) == (
        "雪山",
        ("a", "b"),
        "imported",
    )
    assert (events[0].object_id, events[0].ordinal) == ("b", 2)


def test_opensearch_bulk_files_are_read(store: EventStore, tmp_path: Path) -> None:
    rows = [{"index": {"_index": "ubi_queries"}}, ASKED | HITS, {"create": {"_index": "ubi_events"}}, CLICK]
    report = load(store, lines(tmp_path / "bulk.ndjson", *rows))
    assert (report.queries, report.accepted, bad(report)) == (1, 1, [])


def test_csv_files_are_read(store: EventStore, tmp_path: Path) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "ubi_queries.csv").write_text(
        "\ufeffquery_id,user_query,timestamp,query_response_hit_ids,application\n"
        'q1,"snow, 雪",1700000000000,"a, b",shop\nq2,sun,1700000000000,"[""a""]",\n',
        encoding="utf-8",
    )
    (folder / "ubi_events.csv").write_text(
        "action_name,query_id,timestamp,event_attributes.object.object_id,event_attributes.position.ordinal\n"
        "click,q1,2023-11-14T22:13:25,b,2\nclick,q2,2023-11-14 22:13:25+00:00,a,\nclick,q1\n",
        encoding="utf-8",
    )
    report = load(store, folder)
    assert (report.queries, report.accepted) == (2, 2)
    assert bad(report) == [("ubi_events.csv:4", "bad_row")]
    assert "timestamp" in report.bad_rows[0].message
    queries, _ = logged(store.path)
    assert [(each.user_query, each.hits, each.application) for each in queries] == [
        ("snow, 雪", ("a", "b"), "shop"),
        ("sun", ("a",), "imported"),
    ]


def test_bad_csv_rows_are_named(store: EventStore, tmp_path: Path) -> None:
    path = tmp_path / "ubi_queries.csv"
    path.write_text("query_id,timestamp,a,a.b\nq1,1700000000000,,,too,many\nq2,1700000000000,x,y\n")
    assert bad(load(store, path)) == [("ubi_queries.csv:2", "bad_row"), ("ubi_queries.csv:3", "bad_row")]


BAD_ROWS: list[tuple[Any, str]] = [
    ("{not json", "expected a JSON object"),
    ("[1, 2]", "expected a JSON object"),
    ("[" * 100_000, "expected a JSON object"),
    ({"user_query": "no id", "timestamp": 1}, "query_id is missing"),
    (ASKED | {"query_id": {"a": 1}}, "query_id must be a text"),
    (ASKED | {"query_id": True}, "query_id must be a text"),
    (ASKED | {"timestamp": "yesterday"}, "timestamp must be ISO 8601"),
    (ASKED | {"timestamp": None}, "timestamp must be ISO 8601"),
    (ASKED | {"timestamp": -5}, "1970 to 9999"),
    (ASKED | {"query_response_hit_ids": 5}, "query_response_hit_ids must be a list"),
    (ASKED | {"query_response_hit_ids": [["a"]]}, "query_response_hit_ids must be a list"),
    (ASKED | {"query_response_hit_ids": "[broken"}, "query_response_hit_ids must be a list"),
    (ASKED | {"query_attributes": [1]}, "query_attributes must be an object"),
    (ASKED | {"query_attributes": "{broken"}, "query_attributes must be a JSON object"),
    (ASKED | {"query_attributes": {"first_rank": "x"}}, "must be a whole number"),
    (ASKED | {"query_attributes": {"explored": 3}}, "explored must be an object"),
    (ASKED | {"query_attributes": {"explored": {"1": 2}}}, "a propensity must be"),
    (ASKED | {"timestamp": "2999-01-01"}, "lies in the future"),
    (CLICK | {"action_name": ""}, "action_name is missing"),
    (CLICK | {"event_attributes": {"position": {"ordinal": -1}}}, "position.ordinal must be 0 to"),
    (CLICK | {"event_attributes": {"position": {"row": 1e999}}}, "position.row must be a whole number"),
    (CLICK | {"event_attributes": {"propensity": 0}}, "a propensity must be"),
    (CLICK | {"event_attributes": {"propensity": "x"}}, "a propensity must be"),
]


@pytest.mark.parametrize(("row", "words"), BAD_ROWS, ids=[words for _, words in BAD_ROWS])
def test_a_bad_row_is_named_and_costs_only_itself(
    store: EventStore, tmp_path: Path, row: Any, words: str
) -> None:
    report = load(store, lines(tmp_path / "log.jsonl", ASKED | HITS | {"query_id": "good"}, row))
    assert [each.where for each in report.bad_rows] == ["log.jsonl:2"]
    assert words in report.bad_rows[0].message
    assert report.queries == 1


def test_events_that_cannot_be_right_are_named(store: EventStore, tmp_path: Path) -> None:
    early = CLICK | {"timestamp": "2023-11-14T10:00:00Z"}
    future = CLICK | {"timestamp": "2999-01-01"}
    elsewhere = CLICK | {"event_attributes": {"object": {"object_id": "z"}}}
    rows = [ASKED | HITS, CLICK, CLICK, CLICK | {"query_id": "nobody"}, early, future, elsewhere]
    report = load(store, lines(tmp_path / "log.jsonl", *rows))
    assert (report.accepted, report.duplicates) == (1, 1)
    assert bad(report) == [
        ("log.jsonl:4", "unknown_query"),
        ("log.jsonl:5", "before_query"),
        ("log.jsonl:6", "future"),
        ("log.jsonl:7", "not_shown"),
    ]


def test_rows_in_the_wrong_file_are_named(store: EventStore, tmp_path: Path) -> None:
    lines(tmp_path / "ubi_queries.jsonl", ASKED | HITS, CLICK)
    lines(tmp_path / "ubi_events.jsonl", ASKED, CLICK)
    report = load(store, tmp_path)
    assert bad(report) == [("ubi_queries.jsonl:2", "bad_row"), ("ubi_events.jsonl:1", "bad_row")]
    assert (report.queries, report.accepted) == (1, 1)


def test_an_endless_line_is_named_and_the_next_one_read(store: EventStore, tmp_path: Path) -> None:
    endless = '{"query_id": "' + "x" * (2 * MAX_LINE + 50) + '"}'
    report = load(store, lines(tmp_path / "log.jsonl", endless, "", ASKED | HITS))
    assert bad(report) == [("log.jsonl:1", "bad_row")]
    assert report.queries == 1


def test_only_the_first_bad_rows_of_a_reason_are_kept(store: EventStore, tmp_path: Path) -> None:
    report = load(store, lines(tmp_path / "log.jsonl", *["broken"] * 1500))
    assert report.reasons == {"bad_row": 1500}
    assert len(report.bad_rows) == 1000


def test_batches_change_nothing_but_what_is_in_memory(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusou.feedback.importing.BATCH", 3)
    asked = [ASKED | HITS | {"query_id": f"q{i}"} for i in range(10)]
    clicks = [CLICK | {"query_id": f"q{i % 11}"} for i in range(11)]
    report = load(store, lines(tmp_path / "log.jsonl", *clicks, *asked))
    assert (report.queries, report.accepted, bad(report)) == (10, 10, [("log.jsonl:11", "unknown_query")])


def test_progress_ends_at_one(store: EventStore, tmp_path: Path) -> None:
    parts: list[float] = []
    load(store, lines(tmp_path / "log.jsonl", ASKED | HITS, CLICK), progress=parts.append)
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_rows_without_a_program_get_the_name_that_is_given(store: EventStore, tmp_path: Path) -> None:
    named = ASKED | HITS | {"query_id": "q2", "application": "own"}
    load(store, lines(tmp_path / "log.jsonl", ASKED | HITS, named), application="given")
    assert [each.application for each in logged(store.path)[0]] == ["given", "own"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere", "source_not_found"), ("log.xlsx", "unknown_format"), (".", "source_not_found")],
)
def test_a_source_that_is_none_says_what_was_expected(
    store: EventStore, tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "log.xlsx").write_bytes(b"")
    with pytest.raises(FeedbackError, match=r"ubi_queries|expected \.jsonl") as caught:
        load(store, tmp_path / name)
    assert caught.value.reason == reason


def test_an_event_without_an_id_is_known_by_what_it_says() -> None:
    assert event_of(dict(CLICK)).event_id == event_of(dict(CLICK)).event_id
    assert event_of(dict(CLICK)).event_id != event_of(CLICK | {"timestamp": 1}).event_id


def test_attributes_may_be_json_text() -> None:
    row = ASKED | {"query_attributes": '{"lang": "zh", "first_rank": 5}'}
    assert (query_of(row).attributes, query_of(row).first_rank) == ({"lang": "zh"}, 5)


def test_unflattening_leaves_empty_cells_out() -> None:
    assert unflattened({"a.b.c": "1", "a.b.d": "", "e": "2"}) == {"a": {"b": {"c": "1"}}, "e": "2"}


def test_reading_csv_leaves_its_process_as_it_was(store: EventStore, tmp_path: Path) -> None:
    before = csv.field_size_limit()
    words = "x" * (before + 10)
    path = lines(tmp_path / "ubi_queries.csv", "query_id,user_query,timestamp", f"q1,{words},{NOW}")
    assert not [row for row in load(store, path).bad_rows if "limit" in row.message]
    assert csv.field_size_limit() == before
