"""What is written can be read, twice is once, and what cannot be right is answered with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from feedback_builders import NOW, event, logged, query, write

from tusou.errors import CatalogError, FeedbackError, LibraryCorrupt, StorageFull
from tusou.feedback.records import DAY, EXPLANATIONS, Verdict
from tusou.feedback.store import EventStore, event_id_of, event_number


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(tmp_path / "events.sqlite") as store:
        yield store


def test_what_is_written_is_read_back(store: EventStore) -> None:
    asked = query(
        client="c", application="app", first_rank=41, attributes={"filters": {"supplier": ["甲"]}},
        explored={42: 0.25}, features=b"\0\1",
    )  # fmt: skip
    done = event("00000000000000ff", image="b", ordinal=42, row=9, column=2, columns=5)
    assert write(store, asked, done) == [Verdict.ACCEPTED]
    queries, events = logged(store.path)
    assert queries == [asked]
    (kept,) = events
    assert (kept.event_id, kept.ordinal, kept.row, kept.column, kept.columns) == (done.event_id, 42, 9, 2, 5)
    assert (kept.explore, kept.propensity) == (True, 0.25)  # the answer knows, whoever reports need not


def test_features_are_read_only_when_asked_for(store: EventStore) -> None:
    write(store, query(features=b"x"))
    assert [each.features for _, each in store.queries()] == [None]


def test_a_missing_ordinal_is_taken_from_the_answer(store: EventStore) -> None:
    write(store, query(first_rank=41), event(image="c"))
    assert logged(store.path)[1][0].ordinal == 43


def test_the_same_event_twice_is_one(store: EventStore) -> None:
    write(store, query(), query("q2"))
    assert write(store, event(), event()) == [Verdict.ACCEPTED, Verdict.DUPLICATE]
    assert write(store, event(), event(query_id="q2")) == [Verdict.DUPLICATE, Verdict.ACCEPTED]
    assert len(logged(store.path)[1]) == 2


def test_an_exported_event_id_stands_for_the_same_event() -> None:
    number = event_number("any id at all")
    assert event_number(event_id_of(number)) == number
    assert event_number("other") != number


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"query_id": "nobody"}, Verdict.UNKNOWN_QUERY),
        ({"image": "elsewhere"}, Verdict.NOT_SHOWN),
        ({"timestamp": NOW - 61_000}, Verdict.BEFORE_QUERY),
        ({"timestamp": NOW + DAY + 1}, Verdict.TOO_LATE),
        ({"timestamp": NOW + 2 * DAY + 60_001}, Verdict.FUTURE),
        ({"timestamp": NOW - 59_000}, Verdict.ACCEPTED),  # clocks differ
        ({"timestamp": NOW + DAY}, Verdict.ACCEPTED),
        ({"image": ""}, Verdict.ACCEPTED),  # an event without an object
    ],
)
def test_each_event_is_answered_with_its_verdict(
    store: EventStore, fields: dict[str, str], verdict: Verdict
) -> None:
    assert write(store, query(), event(**fields), now=NOW + 2 * DAY) == [verdict]
    assert len(logged(store.path)[1]) == (verdict is Verdict.ACCEPTED)
    assert EXPLANATIONS[verdict]


def test_order_within_an_answer_does_not_matter(store: EventStore) -> None:
    click = event("click", timestamp=NOW + 9000)
    seen = event("seen", "impression", timestamp=NOW + 1000)
    assert write(store, query(), click, seen) == [Verdict.ACCEPTED] * 2


def test_an_answer_without_hits_takes_events_of_any_object(store: EventStore) -> None:
    assert write(store, query(hits=()), event(image="whatever")) == [Verdict.ACCEPTED]


def test_an_answer_may_come_page_by_page(store: EventStore) -> None:
    write(store, query(hits=("a", "b")), query(hits=("b", "c")))
    assert logged(store.path)[0][0].hits == ("a", "b", "c")
    write(store, query(hits=("a", "b")))
    assert logged(store.path)[0][0].hits == ("a", "b", "c")


def test_half_characters_do_not_stop_the_log(store: EventStore) -> None:
    asked = query(text="snow \ud83d", hits=("a\udc00",), attributes={"q": "\ud83d"})
    assert write(store, asked, event(image="a\udc00")) == [Verdict.NOT_SHOWN]
    assert logged(store.path)[0][0].user_query == "snow ?"


def test_purging_deletes_old_answers_with_their_events(store: EventStore) -> None:
    write(store, *(query(f"q{i}", timestamp=NOW + i * DAY) for i in range(5)))
    write(store, *(event(query_id=f"q{i}", timestamp=NOW + i * DAY) for i in range(5)), now=NOW + 9 * DAY)
    assert store.purge(NOW + 3 * DAY, chunk=2) == 3
    queries, events = logged(store.path)
    assert [each.query_id for each in queries] == ["q3", "q4"]
    assert [each.query_id for each in events] == ["q3", "q4"]
    assert store.purge(NOW) == 0


def test_purged_words_are_gone_from_the_files(store: EventStore, tmp_path: Path) -> None:
    write(store, query(text="unmistakable words"))
    assert any(b"unmistakable" in path.read_bytes() for path in tmp_path.iterdir())
    store.purge(NOW + 1)
    assert not any(b"unmistakable" in path.read_bytes() for path in tmp_path.iterdir())


def test_two_processes_share_the_salt_of_a_day_and_lose_old_ones(store: EventStore) -> None:
    with EventStore(store.path) as other:
        first = store.salt(100)
        assert other.salt(100) == first
        assert other.salt(101) != first
        assert store.salt(100) == first  # yesterday's is needed a little longer
        store.salt(102)
        assert [day for (day,) in store.select("SELECT day FROM salts ORDER BY day")] == [101, 102]


def test_reading_changes_nothing_and_needs_a_log(store: EventStore, tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="nothing has been logged yet") as caught:
        EventStore(tmp_path / "none.sqlite", read_only=True)
    assert caught.value.reason == "no_feedback"
    (tmp_path / "begun.sqlite").touch()
    with pytest.raises(FeedbackError, match="nothing has been logged yet"):
        EventStore(tmp_path / "begun.sqlite", read_only=True)
    with EventStore(store.path, read_only=True) as reader:
        assert list(reader.spans()) == []
        with pytest.raises(CatalogError, match="readonly"):
            write(reader, query())


def test_a_log_of_a_newer_tusou_is_left_alone(store: EventStore) -> None:
    store.select("PRAGMA user_version=99")
    with pytest.raises(FeedbackError, match="newer tusou"):
        EventStore(store.path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(LibraryCorrupt, match=r"events\.sqlite"):
        EventStore(path)


def test_a_full_disk_writes_all_of_a_call_or_nothing(store: EventStore) -> None:
    write(store, query("small"))
    ((pages,),) = store.select("PRAGMA page_count")
    store.select(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StorageFull, match="no room left"):
        write(store, query("q2"), query("large", features=bytes(100_000)))
    store.select("PRAGMA max_page_count=1000000")
    write(store, query("q3"))
    assert [each.query_id for each in logged(store.path)[0]] == ["small", "q3"]


@pytest.mark.parametrize("lost", [1, 100, 4096])
def test_a_torn_end_of_the_journal_loses_only_what_stood_there(store: EventStore, lost: int) -> None:
    """The write-ahead log is cut off, as after a power loss: the last commit goes, the rest stays."""
    for i in range(20):
        write(store, query(f"q{i}"))
    copy = store.path.with_name("copy.sqlite")
    copy.write_bytes(store.path.read_bytes())
    journal = store.path.with_name("events.sqlite-wal").read_bytes()
    copy.with_name("copy.sqlite-wal").write_bytes(journal[:-lost])
    names = [each.query_id for each in logged(copy)[0]]
    assert names == [f"q{i}" for i in range(19)]
