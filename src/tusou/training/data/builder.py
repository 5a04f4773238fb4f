"""Put relevance data together from a reader's rows, leaving out and counting what cannot be used."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from tusou.errors import DataError
from tusou.text.language import detect_language
from tusou.training.data.problems import Problems
from tusou.training.data.relevance import Picture, RelevanceData


class RelevanceBuilder:
    """Collects pictures and the lists of queries that name them."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self._positions: dict[str, int] = {}
        self._pictures: list[Picture] = []
        self._splits: list[str] = []
        self._queries: list[str] = []
        self._languages: list[str] = []
        self._lengths: list[int] = []
        self._items: list[int] = []
        self._grades: list[float] = []

    def __contains__(self, key: str) -> bool:
        return key in self._positions

    def add_picture(self, picture: Picture, where: str, split: str = "") -> bool:
        """Add an image; False when one of that key is there already."""
        if picture.key in self._positions:
            self.problems.add(where, "duplicate_image", f"{picture.key!r} was named before")
            return False
        self._positions[picture.key] = len(self._pictures)
        self._pictures.append(picture)
        self._splits.append(split)
        return True

    def add_captions(self, key: str, texts: Iterable[object], where: str, language: str = "") -> None:
        """Add captions of one image, each a query of its own."""
        for text in texts:
            self.add_list(text, [(key, 1.0)], where, language)

    def add_shown(
        self, text: object, shown: Iterable[tuple[str, object]], where: str, language: str = ""
    ) -> None:
        """Add a list that was shown as a whole: without differing grades it teaches nothing."""
        self.add_list(text, shown, where, language, compared=True)

    def add_list(
        self,
        text: object,
        entries: Iterable[tuple[str, object]],
        where: str,
        language: str = "",
        *,
        compared: bool = False,
    ) -> None:
        """Add a query with its list.

        Args:
            text: The query; anything but a text that holds a character is a problem.
            entries: Keys of images, with grades.
            where: The row, for messages.
            language: "en" or "zh"; found out when empty.
            compared: Refuse a list of several images whose grades are all equal.
        """
        if not isinstance(text, str) or not text.strip():
            self.problems.add(where, "empty_query", f"expected a text, got {text!r:.60}")
            return
        known = self._known(entries, where)
        if not known:
            return
        if max(known.values()) <= 0:
            self.problems.add(
                where, "no_positive", f"none of {len(known)} images of {text!r:.60} is relevant"
            )
            return
        if compared and len(known) > 1 and len(set(known.values())) == 1:
            self.problems.add(
                where, "equal_grades", f"all {len(known)} images of {text!r:.60} have one grade"
            )
            return
        self._queries.append(text.strip())
        self._languages.append(language or detect_language(text))
        self._lengths.append(len(known))
        self._items += known
        self._grades += known.values()

    def _known(self, entries: Iterable[tuple[str, object]], where: str) -> dict[int, float]:
        """Position to grade of the entries that can be used."""
        known: dict[int, float] = {}
        for key, grade in entries:
            position = self._positions.get(key)
            if position is None:
                self.problems.add(where, "unknown_image", f"{key!r:.100} is not among the images")
            elif not is_grade(grade):
                self.problems.add(where, "bad_grade", f"{key!r:.100} has grade {grade!r:.40}")
            else:
                if position in known:
                    self.problems.add(where, "duplicate_item", f"{key!r:.100} stands in the list twice")
                known[position] = max(known.get(position, 0.0), float(grade))
        return known

    def build(self) -> RelevanceData:
        """The data.

        Raises:
            DataError: No query with an image is left (``nothing_usable``).
        """
        if not self._queries:
            raise nothing_usable(self.problems)
        return RelevanceData(
            tuple(self._pictures),
            tuple(self._queries),
            tuple(self._languages),
            np.cumsum([0, *self._lengths], dtype=np.int64),
            np.array(self._items, dtype=np.int64),
            np.array(self._grades, dtype=np.float32),
            tuple(self._splits),
        )


def is_grade(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0


def nothing_usable(problems: Problems) -> DataError:
    """The error of a source without a single usable row."""
    return DataError(f"no row can be used: {problems.summary() or 'there is none'}", reason="nothing_usable")
