"""Put the candidates of several retrievers together; ranking decides their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.index.base import ScoredRows
from tusou.types import Rows


@dataclass(frozen=True, slots=True)
class Candidates:
    """The union of what the retrievers found.

    Attributes:
        rows: (n,) ascending, each once.
        found_by: Retriever's name to (n,) True where it found the row.
    """

    rows: Rows
    found_by: Mapping[str, npt.NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.rows)

    def sources(self, i: int) -> tuple[str, ...]:
        """Names of the retrievers that found the i-th row."""
        return tuple(name for name, found in self.found_by.items() if found[i])


def unite(lists: Mapping[str, ScoredRows]) -> Candidates:
    """Every row some retriever found.

    Args:
        lists: Retriever's name to its answer; their scores do not compare and are measured anew as features.
    """
    if not lists:
        return Candidates(np.empty(0, np.int64), {})
    rows = np.unique(np.concatenate([found.rows for found in lists.values()]))
    return Candidates(rows, {name: _membership(rows, found.rows) for name, found in lists.items()})


def _membership(rows: Rows, found: Rows) -> npt.NDArray[np.bool_]:
    member = np.zeros(len(rows), np.bool_)
    member[np.searchsorted(rows, found)] = True
    return member
