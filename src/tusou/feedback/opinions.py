"""What judges say of images: grades 0 to 3 under the words of a query, of each judge the last one.

One SQLite file in the library's folder, ``judgments.sqlite``, written by several processes at once.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tusou.errors import FeedbackError
from tusou.evaluation.agreement import settled_grade, weighted_kappa
from tusou.evaluation.qrels import MAX_GRADE
from tusou.feedback.sqlite_file import SqliteFile
from tusou.text.normalize import normalize

FILE_NAME = "judgments.sqlite"
SCHEMA_VERSION = 1
LONGEST_QUERY, LONGEST_JUDGE = 512, 100

SCHEMA = """
CREATE TABLE queries (
    spelling TEXT PRIMARY KEY,  -- as queries are compared
    q TEXT NOT NULL,            -- as first typed
    added INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE opinions (
    spelling TEXT NOT NULL REFERENCES queries (spelling),
    image_id TEXT NOT NULL,
    judge TEXT NOT NULL,
    grade INTEGER NOT NULL CHECK (grade BETWEEN 0 AND 3),
    at INTEGER NOT NULL,
    PRIMARY KEY (spelling, image_id, judge)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One judge's grade of one image under one query."""

    q: str
    image_id: str
    judge: str
    grade: int


class OpinionStore(SqliteFile):
    """The open file; one thread at a time may use it."""

    SCHEMA, VERSION = SCHEMA, SCHEMA_VERSION

    def __init__(self, library: Path) -> None:
        """Open the file of a library, or make it.

        Raises:
            FeedbackError: A newer tusou made it (``newer_schema``).
            CatalogError: It is damaged or cannot be read.
        """
        super().__init__(library / FILE_NAME)

    def add(self, q: str, judge: str, grades: Mapping[str, int]) -> None:
        """Keep a judge's grades, all or none; a grade given before is replaced.

        Args:
            q: Words of the query.
            judge: Who judges.
            grades: Image id to grade; the caller knows that the images exist.

        Raises:
            FeedbackError: No words, no judge, or a grade out of range (``bad_judgment``).
            StorageFull: The disk has no room; nothing was written.
        """
        _check(q, judge, grades)
        spelling, now = normalize(q), int(time.time() * 1000)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO queries VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (spelling, q.strip(), now)
            )
            connection.executemany(
                "INSERT INTO opinions VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET grade = excluded.grade, at = excluded.at",
                [(spelling, image_id, judge.strip(), grade, now) for image_id, grade in grades.items()],
            )

    def of_query(self, q: str) -> dict[str, dict[str, int]]:
        """Image to judge to grade, under one query in any spelling that means the same."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        sql = "SELECT image_id, judge, grade FROM opinions WHERE spelling = ?"
        for image_id, judge, grade in self.select(sql, (normalize(q),)):
            found[image_id][judge] = grade
        return dict(found)

    def all(self) -> list[Opinion]:
        """Every opinion, by query, image and judge."""
        sql = (
            "SELECT q, image_id, judge, grade FROM opinions JOIN queries USING (spelling) "
            "ORDER BY spelling, image_id, judge"
        )
        return [Opinion(*values) for values in self.select(sql)]

    def queries(self) -> dict[str, dict[str, int]]:
        """Words of every query as first typed, oldest first, to the number of images each judge graded."""
        found: dict[str, dict[str, int]] = {}
        sql = (
            "SELECT q, judge, count(*) FROM queries JOIN opinions USING (spelling) "
            "GROUP BY spelling, judge ORDER BY added, spelling, judge"
        )
        for q, judge, count in self.select(sql):
            found.setdefault(q, {})[judge] = count
        return found


def settled(opinions: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Image to one grade out of all judges' (see ``evaluation.agreement.settled_grade``)."""
    return {image_id: settled_grade(list(judges.values())) for image_id, judges in opinions.items()}


def agreement_of(opinions: Iterable[Opinion]) -> dict[str, Any]:
    """How far judges agree, as JSON values: weighted kappa of every two, and their mean.

    The mean is weighted by the number of (query, image) pairs both graded. Kappa is None where nothing can be
    told.
    """
    graded: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for each in opinions:
        graded[each.judge][each.q, each.image_id] = each.grade
    pairs: list[dict[str, Any]] = []
    for one, other in combinations(sorted(graded), 2):
        both = sorted(graded[one].keys() & graded[other].keys())
        if both:
            first, second = (
                np.array([graded[judge][key] for key in both], np.int64) for judge in (one, other)
            )
            kappa = weighted_kappa(first, second)
            pairs.append(
                {"judges": [one, other], "images": len(both), "kappa": None if math.isnan(kappa) else kappa}
            )
    known = [pair for pair in pairs if pair["kappa"] is not None]
    total = sum(pair["images"] for pair in known)
    return {
        "pairs": pairs,
        "kappa": sum(pair["kappa"] * pair["images"] for pair in known) / total if total else None,
    }


def _check(q: str, judge: str, grades: Mapping[str, int]) -> None:
    if not normalize(q).strip() or len(q) > LONGEST_QUERY:
        raise FeedbackError(
            f"judgments need the words of a query, 1 to {LONGEST_QUERY} characters", reason="bad_judgment"
        )
    if not judge.strip() or len(judge) > LONGEST_JUDGE:
        raise FeedbackError(
            f"judgments need a judge's name, 1 to {LONGEST_JUDGE} characters", reason="bad_judgment"
        )
    if wrong := {image_id: grade for image_id, grade in grades.items() if not 0 <= grade <= MAX_GRADE}:
        image_id, grade = next(iter(wrong.items()))
        raise FeedbackError(
            f"grades are 0 to {MAX_GRADE}, got {grade} for image {image_id}", reason="bad_judgment"
        )
