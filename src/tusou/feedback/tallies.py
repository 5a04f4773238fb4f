"""The log summed up: how often an image was shown where under which words, and what came of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tusou.feedback.records import CHOSEN, IMPRESSION, TAKEN
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import EventStore

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DEEPEST = 200
"""Rows of the page told apart; whatever lies below counts as this one."""

FOLD = 2_000_000  # rows in memory before equal ones are added up

_BITS = 20
_PLACE = f"(columns << {2 * _BITS}) + (grid_row << {_BITS}) + grid_column"

# What was done with each image of an answer. A place in the grid wins over a bare ordinal.
_DONE = f"""
    SELECT query, object_id, max(columns > 0) AS grid, max({_PLACE}) AS place, max(ordinal) AS ordinal,
        max(action IN (SELECT value FROM json_each(:chosen))) AS chosen,
        max(action IN (SELECT value FROM json_each(:taken))) AS taken
    FROM events
    WHERE query BETWEEN :low AND :high AND object_id != ''
        AND (action = '{IMPRESSION}' OR action IN (SELECT value FROM json_each(:chosen)))
    GROUP BY query, object_id
"""  # noqa: S608 - constants

SEEN = f"""
    SELECT spelling, object_id,
        CASE WHEN grid THEN place ELSE (1 << {2 * _BITS}) + (ordinal << {_BITS}) + 1 END, chosen, taken
    FROM ({_DONE}) JOIN queries ON number = query
    WHERE application IN (SELECT value FROM json_each(:reporting))
"""  # noqa: S608

SHOWN = f"""
    SELECT spelling, hit.value, (1 << {2 * _BITS}) + ((first_rank + hit.key) << {_BITS}) + 1,
        coalesce(chosen, 0), coalesce(taken, 0)
    FROM queries, json_each(hits) AS hit
    LEFT JOIN ({_DONE}) AS done ON done.query = number AND done.object_id = hit.value
    WHERE number BETWEEN :low AND :high AND application IN (SELECT value FROM json_each(:silent))
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Tallies:
    """Sums over a log, one entry per (words, image, cell) that occurred.

    Attributes:
        texts: Words asked, in normalised spelling; empty for pictures.
        images: Image ids.
        cells: (c, 3) row, column, columns, each from 1; a list is a grid of one column.
        text: (n,) position in texts.
        image: (n,) position in images.
        cell: (n,) position in cells.
        impressions: (n,) answers that showed it there.
        clicks: (n,) answers in which it was chosen.
        downloads: (n,) answers in which it was taken.
    """

    texts: list[str]
    images: list[str]
    cells: Ints
    text: Ints
    image: Ints
    cell: Ints
    impressions: Floats
    clicks: Floats
    downloads: Floats

    def __len__(self) -> int:
        return len(self.text)

    def pairs(self) -> tuple[Ints, Ints]:
        """Number the (words, image) pairs.

        Returns:
            (n,) number of each entry's pair, and (p,) an entry of each pair.
        """
        key = self.text * max(len(self.images), 1) + self.image
        _, first, numbers = np.unique(key, return_index=True, return_inverse=True)
        return numbers.astype(np.int64), first.astype(np.int64)

    @classmethod
    def read(cls, store: EventStore, *, applications: Collection[str] | None = None) -> Self:
        """Sum up a log.

        A program that reports impressions is believed; of one that never does, all it showed counts as seen.

        Args:
            store: The log.
            applications: Count the searches of these programs; None counts all but simulated ones.
        """
        adder = _Adder()
        reporting, silent = _applications(store, applications)
        values = {"chosen": _json(CHOSEN), "taken": _json(TAKEN)}
        values |= {"reporting": _json(reporting), "silent": _json(silent)}
        for low, high in store.spans():
            for sql, wanted in ((SEEN, reporting), (SHOWN, silent)):
                if wanted:
                    adder.add(store.select(sql, values | {"low": low, "high": high}))
        return cls(*adder.finish())


class _Adder:
    """Numbers words, images and cells, and adds equal entries up."""

    def __init__(self) -> None:
        self._texts: defaultdict[str, int] = _numbering()
        self._images: defaultdict[str, int] = _numbering()
        self._keys: list[Ints] = [np.empty((0, 3), np.int64)]
        self._sums: list[Floats] = [np.empty((0, 3))]
        self._rows = 0

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Add (words, image, place, chosen, taken) of single impressions."""
        if not rows:
            return
        texts, images, places, chosen, taken = zip(*rows, strict=True)
        text = np.fromiter(map(self._texts.__getitem__, texts), np.int64, len(rows))
        image = np.fromiter(map(self._images.__getitem__, images), np.int64, len(rows))
        self._keys.append(np.stack([text, image, np.array(places, np.int64)], axis=1))
        self._sums.append(np.stack([np.ones(len(rows)), np.array(chosen), np.array(taken)], axis=1))
        self._rows += len(rows)
        if self._rows > FOLD:
            self._fold()

    def finish(self) -> tuple[Any, ...]:
        """The fields of Tallies."""
        self._fold()
        (keys,), (sums,) = self._keys, self._sums
        places, cell = np.unique(_bounded(keys[:, 2]), return_inverse=True)
        low = (1 << _BITS) - 1
        cells = np.stack([places >> _BITS & low, places & low, places >> 2 * _BITS], axis=1)
        numbers = (keys[:, 0], keys[:, 1], cell.astype(np.int64))
        return list(self._texts), list(self._images), cells, *numbers, *np.ascontiguousarray(sums.T)

    def _fold(self) -> None:
        keys, sums = np.concatenate(self._keys), np.concatenate(self._sums)
        places, place = np.unique(keys[:, 2], return_inverse=True)
        pair = keys[:, 0] * max(len(self._images), 1) + keys[:, 1]
        packed = pair * max(len(places), 1) + place  # fits 63 bits: numbers of words x images x cells < 9e18
        _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
        added = [np.bincount(inverse, column, len(first)) for column in sums.T]
        self._keys, self._sums = [keys[first]], [np.stack(added, axis=1)]
        self._rows = 0


def _bounded(places: Ints) -> Ints:
    """Places with the row at most DEEPEST."""
    row = places >> _BITS & ((1 << _BITS) - 1)
    return np.asarray(places - (np.maximum(row - DEEPEST, 0) << _BITS))


def _numbering() -> defaultdict[str, int]:
    """A dictionary that gives every new key the next number."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers


def _applications(store: EventStore, wanted: Collection[str] | None) -> tuple[list[str], list[str]]:
    """The programs to count: those that report impressions, and those that do not."""
    found = [name for (name,) in store.select("SELECT DISTINCT application FROM queries")]
    counted = [name for name in found if (name != SIMULATION if wanted is None else name in wanted)]
    reporting = [name for name in counted if _reports(store, name)]
    return reporting, [name for name in counted if name not in reporting]


def _reports(store: EventStore, application: str) -> bool:
    sql = "SELECT 1 FROM queries JOIN events ON query = number WHERE application = ? AND action = ? LIMIT 1"
    return bool(store.select(sql, (application, IMPRESSION)))


def _json(names: Collection[str]) -> str:
    return json.dumps(sorted(names))
