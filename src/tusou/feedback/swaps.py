"""Swaps found in a log: answers in which two places changed by a coin, and where people clicked then."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Self

import numpy as np

from tusou.feedback.examination import fit_swaps
from tusou.feedback.explore import SWAP_PROPENSITY
from tusou.feedback.records import CHOSEN, LoggedEvent
from tusou.feedback.store import EventStore
from tusou.feedback.tallies import Floats, Ints

Cell = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SwapCounts:
    """What swaps showed.

    Attributes:
        cells: (c, 3) row, column, columns of the cells swapped.
        pairs: (m, 2) numbers of two cells that were swapped with each other.
        clicks: (m, 2) answers with a choice there.
        impressions: (m, 2) answers in which both were seen.
    """

    cells: Ints
    pairs: Ints
    clicks: Floats
    impressions: Floats

    @classmethod
    def read(cls, store: EventStore) -> Self:
        """Count the swaps of which both places were seen."""
        seen: Counter[tuple[Cell, Cell]] = Counter()
        chosen: Counter[tuple[Cell, Cell, int]] = Counter()
        for query, events in store.searches():
            if len(query.explored) != 2 or set(query.explored.values()) != {SWAP_PROPENSITY}:
                continue
            places = _places(events, sorted(query.explored))
            if len(places) == 2:
                (one, one_chosen), (two, two_chosen) = places
                seen[one, two] += 1
                chosen[one, two, 0] += one_chosen
                chosen[one, two, 1] += two_chosen
        cells = sorted({cell for pair in seen for cell in pair})
        numbers = {cell: i for i, cell in enumerate(cells)}
        pairs = np.array([[numbers[one], numbers[two]] for one, two in seen], np.int64).reshape(-1, 2)
        clicks = np.array([[chosen[*pair, 0], chosen[*pair, 1]] for pair in seen], np.float64).reshape(-1, 2)
        impressions = np.repeat(np.array(list(seen.values()), np.float64)[:, None], 2, axis=1)
        return cls(np.array(cells, np.int64).reshape(-1, 3), pairs, clicks, impressions)

    def examination(self) -> Floats:
        """(c,) chances of examination of the cells, the largest 1; see fit_swaps."""
        if not len(self.cells):
            return np.empty(0)
        return fit_swaps(self.pairs, self.clicks, self.impressions, len(self.cells))


def _places(events: list[LoggedEvent], ranks: list[int]) -> list[tuple[Cell, bool]]:
    """Cell of each rank that was seen, and whether its image was chosen."""
    found: dict[int, tuple[Cell, bool]] = {}
    for event in events:
        if event.ordinal in ranks:
            cell, chosen = found.get(event.ordinal, ((event.ordinal, 1, 1), False))
            if event.columns:
                cell = (event.row, event.column, event.columns)
            found[event.ordinal] = (cell, chosen or event.action in CHOSEN)
    return [found[rank] for rank in ranks if rank in found]
