"""Grades of several judges on disk."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tusou.errors import FeedbackError, LibraryCorrupt
from tusou.feedback.opinions import FILE_NAME, Opinion, OpinionStore, agreement_of, settled


def test_each_judges_last_grade_counts(tmp_path: Path) -> None:
    with OpinionStore(tmp_path) as store:
        store.add("Snow mountain", "li", {"a": 3, "b": 0})
        store.add("snow  MOUNTAIN", "wu", {"a": 1})
        store.add("Snow mountain", "li", {"b": 2})
        assert store.of_query("snow mountain") == {"a": {"li": 3, "wu": 1}, "b": {"li": 2}}
        assert store.of_query("sea") == {}
        assert store.queries() == {"Snow mountain": {"li": 2, "wu": 1}}
    with OpinionStore(tmp_path) as store:
        assert store.all() == [
            Opinion("Snow mountain", "a", "li", 3),
            Opinion("Snow mountain", "a", "wu", 1),
            Opinion("Snow mountain", "b", "li", 2),
        ]
        assert settled(store.of_query("snow mountain")) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("q", "judge", "grades", "problem"),
    [
        (" ", "li", {"a": 1}, "words of a query"),
        ("x" * 600, "li", {"a": 1}, "words of a query"),
        ("red", "", {"a": 1}, "judge's name"),
        ("red", "li", {"a": 4}, "grades are 0 to 3, got 4 for image a"),
        ("red", "li", {"b": 1, "a": -1}, "got -1 for image a"),
    ],
)
def test_bad_judgments_are_refused_whole(
    tmp_path: Path, q: str, judge: str, grades: dict[str, int], problem: str
) -> None:
    with OpinionStore(tmp_path) as store:
        with pytest.raises(FeedbackError, match=problem):
            store.add(q, judge, grades)
        assert store.queries() == {}


def test_many_judges_write_at_once(tmp_path: Path) -> None:
    def judge(number: int) -> None:
        with OpinionStore(tmp_path) as store:
            for image in range(10):
                store.add("red", f"judge-{number}", {f"image-{image}": number % 4})

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(judge, range(6)))
    with OpinionStore(tmp_path) as store:
        assert store.queries() == {"red": {f"judge-{number}": 10 for number in range(6)}}


def test_a_newer_or_damaged_file_is_named(tmp_path: Path) -> None:
    OpinionStore(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version=9")
    connection.close()
    with pytest.raises(FeedbackError, match="newer tusou"):
        OpinionStore(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE_NAME).write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(LibraryCorrupt, match="damaged"):
        OpinionStore(other)


def test_agreement_is_of_what_two_judges_both_graded() -> None:
    def opinions(judge: str, *grades: int) -> list[Opinion]:
        return [Opinion("red", f"i{n}", judge, grade) for n, grade in enumerate(grades)]

    found = agreement_of([*opinions("li", 0, 1, 2, 3), *opinions("wu", 0, 1, 2, 3, 0), *opinions("mo", 3)])
    assert found["pairs"] == [
        {"judges": ["li", "mo"], "images": 1, "kappa": 0.0},
        {"judges": ["li", "wu"], "images": 4, "kappa": 1.0},
        {"judges": ["mo", "wu"], "images": 1, "kappa": 0.0},
    ]
    assert found["kappa"] == pytest.approx(4 / 6)
    assert agreement_of(opinions("li", 1, 2)) == {"pairs": [], "kappa": None}
    same = agreement_of([*opinions("li", 2, 2), *opinions("wu", 2, 2)])
    assert (same["pairs"][0]["kappa"], same["kappa"]) == (None, None)
