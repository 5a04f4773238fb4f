"""The queue never waits; what is acknowledged is durable; what is dropped or lost is counted."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from feedback_builders import NOW, event, logged, query

from tusou.errors import CatalogError, FeedbackError
from tusou.feedback.clients import OPT_OUT_COOKIE, Pseudonyms, has_opted_out
from tusou.feedback.log import EventLog
from tusou.feedback.records import DAY, Verdict
from tusou.feedback.store import EventStore


@contextmanager
def opened(
    path: Path,
    *,
    capacity: int = 10_000,
    retention_days: int = 0,
    now: Callable[[], int] = lambda: NOW + 5000,
) -> Iterator[tuple[EventLog, Counter[str]]]:
    """A log and what it counted."""
    counts: Counter[str] = Counter()
    log = EventLog(
        path,
        retention_days=retention_days,
        count=lambda what, n: counts.update({what: n}),
        now=now,
        capacity=capacity,
    )
    try:
        yield log, counts
    finally:
        log.close()


@contextmanager
def blocked(path: Path) -> Iterator[None]:
    """Another program holds the write lock of the file."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_acknowledged_events_are_durable_and_queries_come_before_them(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with opened(path) as (log, counts):
        assert log.query(query())
        verdicts = log.events([event("e1"), event("e1"), event("e2", query_id="nobody")]).result(10)
        assert verdicts == [Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.UNKNOWN_QUERY]
        assert len(logged(path)[1]) == 1  # read while the log is open: it was committed
    assert counts == {"query_logged": 1, "accepted": 1, "duplicate": 1, "unknown_query": 1}


def test_events_are_written_though_nobody_waits_any_more(tmp_path: Path) -> None:
    """A client that hangs up cancels what it waited for; that once ended the writing thread."""
    path = tmp_path / "events.sqlite"
    with opened(path) as (log, counts):
        log.query(query())
        assert not log.events([event("e1")]).cancel()
        assert log.events([event("e2")]).result(10) == [Verdict.ACCEPTED]
    assert counts["accepted"] == 2


def test_a_full_queue_returns_at_once_while_the_disk_stands_still(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with opened(path, capacity=5) as (log, counts):
        with blocked(path):  # the writer's group hangs in SQLite for as long as this lasts
            kept = [log.query(query(f"q{i}")) for i in range(2000)]
            answer = log.events([event()])
            assert answer.done()  # refused without waiting
            with pytest.raises(FeedbackError, match="too many events") as caught:
                answer.result()
            assert caught.value.reason == "feedback_busy"
        assert 5 <= kept.count(True) <= 5 + 5 * 2  # the queue, and groups taken from it before it hung
    assert counts["query_dropped"] == kept.count(False)
    assert counts["dropped"] == 1
    assert [each.query_id for each in logged(path)[0]] == [f"q{i}" for i, ok in enumerate(kept) if ok]


def test_features_fill_the_queue_by_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.sqlite"
    monkeypatch.setattr("tusou.feedback.log.CAPACITY_BYTES", 1000)
    large = bytes(700)
    with opened(path) as (log, counts), blocked(path):
        kept = [log.query(query(f"q{i}", features=large)) for i in range(4)]
        assert not kept[-1]
        assert log.query(query("small"))
    assert counts["query_dropped"] == kept.count(False)


def test_what_waits_is_written_when_the_log_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with opened(path) as (log, _):
        for i in range(2500):
            log.query(query(f"q{i}"))
    assert len(logged(path)[0]) == 2500
    log.close()  # twice is once
    assert not log.query(query("late"))


def test_a_failing_disk_is_told_and_counted_and_then_the_log_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "events.sqlite"
    with opened(path) as (log, counts):
        log.events([]).result(10)
        log._store._connection.execute("PRAGMA query_only=ON")
        log.query(query("lost"))
        with pytest.raises(CatalogError, match="readonly"):
            log.events([event()]).result(10)
        log._store._connection.execute("PRAGMA query_only=OFF")
        log.query(query("kept"))
    assert counts["query_lost"] == 1
    assert "1 answers and 1 events are lost" in caplog.text
    assert [each.query_id for each in logged(path)[0]] == ["kept"]


def test_several_logs_write_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"

    def work(name: str) -> None:
        with opened(path) as (log, counts):
            for i in range(200):
                log.query(query(f"{name}{i}"))
                log.events([event(query_id=f"{name}{i}")])
            log.events([]).result(30)
            assert counts["query_logged"] == counts["accepted"] == 200

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queries, events = logged(path)
    assert len(queries) == len(events) == 600


def test_old_records_are_deleted_once_a_day(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    clock = [NOW]
    with opened(path, retention_days=2, now=lambda: clock[0]) as (log, _):
        log.query(query("first"))
        log.events([]).result(10)
        clock[0] += 3 * DAY
        log.query(query("second", timestamp=clock[0]))
        log.events([]).result(10)
    assert [each.query_id for each in logged(path)[0]] == ["second"]


def test_old_records_that_cannot_be_deleted_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_store: EventStore, _before: int) -> int:
        raise CatalogError("the disk is slow today")

    monkeypatch.setattr(EventStore, "purge", fail)
    with opened(tmp_path / "events.sqlite", retention_days=1) as (log, counts):
        log.query(query())
        log.events([]).result(10)
    assert "old records stay for now: the disk is slow today" in caplog.text
    assert counts["query_logged"] == 1


def test_clients_are_written_as_pseudonyms_of_the_day(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    tokens = ["alice", "alice", "bob", "alice", ""]
    times = [NOW, NOW, NOW, NOW + DAY, NOW]
    with opened(path) as (log, _):
        for i, (token, timestamp) in enumerate(zip(tokens, times, strict=True)):
            log.query(query(f"q{i}", client=token, timestamp=timestamp))
    first, again, other, tomorrow, nobody = (each.client for each in logged(path)[0])
    assert first == again
    assert len({first, other, tomorrow, nobody}) == 4
    assert nobody == ""
    assert not any(b"alice" in file.read_bytes() for file in tmp_path.iterdir())


def test_processes_give_a_client_the_same_pseudonym(tmp_path: Path) -> None:
    with EventStore(tmp_path / "e") as one, EventStore(tmp_path / "e") as two:
        assert Pseudonyms(one.salt).of("alice", 5) == Pseudonyms(two.salt).of("alice", 5)


@pytest.mark.parametrize(
    ("headers", "cookies", "out"),
    [
        ({}, {}, False),
        ({"dnt": "1"}, {}, True),
        ({"dnt": "0"}, {}, False),
        ({"sec-gpc": "1"}, {}, True),
        ({}, {OPT_OUT_COOKIE: "off"}, True),
        ({}, {OPT_OUT_COOKIE: "on"}, False),
    ],
)
def test_people_can_opt_out(headers: dict[str, str], cookies: dict[str, str], out: bool) -> None:
    assert has_opted_out(headers, cookies) is out
