"""What is wrong with a data set, row by row: each problem has a place, a reason and a remedy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

REMEDIES = {
    "bad_base64": "encode the image again",
    "bad_features": "give every feature a finite number",
    "bad_grade": "give a finite grade of 0 or more",
    "bad_label": "give a class number from 0 on",
    "bad_row": "write the row as docs/guides/training-data.md shows",
    "damaged_image": "deliver the image again, or remove its row",
    "damaged_shard": "deliver the shard again, as a tar that is not compressed",
    "duplicate_image": "name every image once; the first is kept",
    "duplicate_item": "name every image of a list once; the higher grade is kept",
    "empty_query": "write the caption or query, or remove the row",
    "equal_grades": "a list teaches an order only when its grades differ; remove it",
    "missing_features": "write every feature, or read with sparse=True (--sparse), where absent means 0",
    "missing_image": "put the file where the row says, or remove the row",
    "no_caption": "write a caption, or remove the row",
    "no_positive": "a list needs an image with a grade above 0; remove it",
    "unknown_image": "name an image the source holds",
    "unknown_query": "name a query the source holds",
    "wrong_dims": "give every row the same features",
}
"""Reason of a skipped row to what can be done about it."""

KEPT = 1000
"""Rows kept per reason; beyond that they are only counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One row, or part of a row, that was left out.

    Attributes:
        where: File and row, or the key of an image.
        reason: A key of REMEDIES.
        message: What was expected and what came.
    """

    where: str
    reason: str
    message: str

    @property
    def remedy(self) -> str:
        """What can be done about it."""
        return REMEDIES[self.reason]


class Problems:
    """Collects problems; the first KEPT of each reason are kept, all are counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows: list[Problem] = []

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, where: str, reason: str, message: str) -> None:
        """Note one problem; the reason is a key of REMEDIES."""
        assert reason in REMEDIES, reason
        self.counts[reason] += 1
        if self.counts[reason] <= KEPT:
            self.rows.append(Problem(where, reason, message))

    def summary(self) -> str:
        """``3 missing_image (put the file …; first: captions.jsonl:7 …)``, the most frequent reason first."""
        return "; ".join(f"{count:,} {reason} ({self._example(reason)})" for reason, count in self._ordered())

    def _ordered(self) -> list[tuple[str, int]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))

    def _example(self, reason: str) -> str:
        first = next(row for row in self.rows if row.reason == reason)
        return f"{first.remedy}; first: {first.where}: {first.message}"
