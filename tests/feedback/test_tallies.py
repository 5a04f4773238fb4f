"""Sums over a log compared with counting by hand; the table that ranking reads compared with the sums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feedback_builders import NOW, event, query, write

from tusou.feedback import tallies as tallies_module
from tusou.feedback.click_table import ClickTable
from tusou.feedback.counts import BehaviorCounts
from tusou.feedback.examination import Examination
from tusou.feedback.records import LoggedEvent
from tusou.feedback.sessions import split_sessions
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import EventStore
from tusou.feedback.tallies import DEEPEST, Tallies

Entry = tuple[str, str, tuple[int, ...], float, float, float]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(tmp_path / "events.sqlite") as store:
        yield store


def entries(tallies: Tallies) -> list[Entry]:
    """Tallies as a readable list."""
    columns = (tallies.impressions, tallies.clicks, tallies.downloads)
    return sorted(
        (
            tallies.texts[tallies.text[i]],
            tallies.images[tallies.image[i]],
            tuple(tallies.cells[tallies.cell[i]].tolist()),
            *(float(column[i]) for column in columns),
        )
        for i in range(len(tallies))
    )


def placed(event_id: str, action: str, image: str, row: int, column: int, **fields: Any) -> LoggedEvent:
    return event(event_id, action, image, row=row, column=column, columns=3, **fields)


def write_page_log(store: EventStore) -> None:
    """Two people ask the same words in two spellings; the page told what they saw."""
    write(
        store,
        query("q1", "Snow  山", application="page"),
        query("q2", "snow 山", application="page"),
        placed("1", "impression", "a", 1, 1),
        placed("2", "impression", "b", 1, 2),
        placed("3", "impression", "b", 1, 2),  # seen again
        placed("4", "click", "b", 1, 2),
        event("5", "download", "b"),  # from the detail view: no place
        event("6", "dwell", "c"),  # an action that counts for nothing
        placed("7", "impression", "b", 1, 2, query_id="q2"),
        placed("8", "click", "d", 2, 1, query_id="q2"),  # chosen, so seen
    )


def test_a_page_that_reports_impressions_is_believed(store: EventStore) -> None:
    write_page_log(store)
    assert entries(Tallies.read(store)) == [
        ("snow 山", "a", (1, 1, 3), 1, 0, 0),
        ("snow 山", "b", (1, 2, 3), 2, 1, 1),
        ("snow 山", "d", (2, 1, 3), 1, 1, 0),
    ]


def test_of_a_program_that_reports_none_everything_shown_counts(store: EventStore) -> None:
    write_page_log(store)
    write(
        store,
        query("q3", "sun", hits=("x", "y"), first_rank=11, application="program"),
        event("1", "click", "y", query_id="q3"),
        query("q4", "sun", hits=("x",), application="program"),
    )
    assert entries(Tallies.read(store, applications=["program"])) == [
        ("sun", "x", (1, 1, 1), 1, 0, 0),
        ("sun", "x", (11, 1, 1), 1, 0, 0),
        ("sun", "y", (12, 1, 1), 1, 1, 0),
    ]
    assert len(Tallies.read(store)) == 6


def test_simulated_searches_never_mix_with_real_ones_unasked(store: EventStore) -> None:
    write(store, query("real", hits=("a",)), query("made", hits=("a",), application=SIMULATION))
    assert [entry[3] for entry in entries(Tallies.read(store))] == [1]
    assert [entry[3] for entry in entries(Tallies.read(store, applications=[SIMULATION]))] == [1]


def test_places_far_down_count_as_one(store: EventStore) -> None:
    write(store, *(query(f"q{rank}", hits=("a",), first_rank=rank) for rank in (199, 200, 201, 5000)))
    rows = Tallies.read(store).cells[:, 0].tolist()
    assert rows == [199, DEEPEST]


def test_an_empty_log_gives_empty_sums(store: EventStore) -> None:
    tallies = Tallies.read(store)
    assert (len(tallies), tallies.texts, tallies.cells.shape) == (0, [], (0, 3))
    table = ClickTable.build(tallies, Examination.estimate(tallies), {})
    assert table.of_images(np.array([0, 5])).impressions.tolist() == [0, 0]
    assert len(table) == 0


def test_sums_do_not_depend_on_where_they_are_folded(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    hits = [tuple(rng.permutation(list("abcdef"))[:4].tolist()) for _ in range(300)]
    write(store, *(query(f"q{i}", f"words {i % 7}", hits=shown) for i, shown in enumerate(hits)))
    write(store, *(event(str(i), "click", hits[i][i % 4], query_id=f"q{i}") for i in range(0, 300, 3)))
    whole = entries(Tallies.read(store))
    monkeypatch.setattr(tallies_module, "FOLD", 50)
    monkeypatch.setattr(EventStore.spans, "__defaults__", (17,))
    assert entries(Tallies.read(store)) == whole
    counted: dict[tuple[str, str, int], list[int]] = {}
    for i, shown in enumerate(hits):
        for rank, image in enumerate(shown, 1):
            sums = counted.setdefault((f"words {i % 7}", image, rank), [0, 0])
            sums[0] += 1
            sums[1] += i % 3 == 0 and rank == i % 4 + 1
    assert {(words, image, cell[0]): [n, k] for words, image, cell, n, k, _ in whole} == counted


def counts(found: BehaviorCounts) -> list[list[float]]:
    return [
        [round(float(value), 4) for value in column]
        for column in (found.impressions, found.examinations, found.clicks, found.downloads)
    ]


def test_the_table_adds_up_by_image_and_by_words(store: EventStore) -> None:
    write(
        store,
        query("q1", "雪", hits=("a", "b")),
        query("q2", "雪", hits=("b", "a")),
        query("q3", "snow", hits=("b", "gone")),
        query("q4", "", hits=("a",)),  # searched by picture
        event("1", "click", "b"),
        event("2", "download", "b", query_id="q3"),
    )
    tallies = Tallies.read(store)
    halves = Examination(tallies.cells, np.where(tallies.cells[:, 0] == 1, 1.0, 0.5), np.ones(2))
    table = ClickTable.build(tallies, halves, {"a": 7, "b": 3})
    rows = np.array([3, 9, 7])
    assert counts(table.of_images(rows)) == [[3, 0, 3], [2.5, 0, 2.5], [2, 0, 0], [1, 0, 0]]
    assert counts(table.of_pairs(" 雪 ", rows)) == [[2, 0, 2], [1.5, 0, 1.5], [1, 0, 0], [0, 0, 0]]
    assert counts(table.of_pairs("SNOW", rows)) == [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert counts(table.of_pairs("", rows))[0] == [0, 0, 0]
    assert counts(table.of_pairs("never asked", rows))[0] == [0, 0, 0]
    assert table.of_images(rows).clicks.dtype == np.float32


def test_the_table_equals_naive_sums_on_a_random_log(store: EventStore) -> None:
    rng = np.random.default_rng(5)
    images = [f"i{i}" for i in range(40)]
    shown = [tuple(rng.permutation(images)[:8].tolist()) for _ in range(200)]
    write(store, *(query(f"q{i}", f"w{i % 5}", hits=hits) for i, hits in enumerate(shown)))
    tallies = Tallies.read(store)
    table = ClickTable.build(
        tallies, Examination.estimate(tallies), {name: i for i, name in enumerate(images)}
    )
    estimated = Examination.estimate(tallies).of(np.array([(rank, 1, 1) for rank in range(1, 9)]))
    naive = np.zeros((5, 40))
    for i, hits in enumerate(shown):
        for rank, image in enumerate(hits):
            naive[i % 5, images.index(image)] += estimated[rank]
    rows = np.arange(40)
    for i in range(5):
        assert np.allclose(table.of_pairs(f"w{i}", rows).examinations, naive[i], rtol=1e-5)
    assert np.allclose(table.of_images(rows).examinations, naive.sum(0), rtol=1e-5)
    assert np.all(table.of_images(rows).examinations <= table.of_images(rows).impressions)


def test_sessions_end_after_half_an_hour_of_silence() -> None:
    minute = 60_000
    clients = ["ann", "bob", "ann", "ann", "", "", "bob"]
    times = np.array([0, 1, 29, 60, 0, 1, 500]) * minute + NOW
    found = split_sessions(clients, times)
    groups = [{i for i in range(7) if found[i] == number} for number in range(found.max() + 1)]
    assert sorted(map(sorted, groups)) == [[0, 2], [1], [3], [4], [5], [6]]


def test_sessions_of_no_searches_are_none() -> None:
    assert split_sessions([], np.empty(0, np.int64)).tolist() == []
