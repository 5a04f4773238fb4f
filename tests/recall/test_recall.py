"""Retrievers answer from their own evidence, and their answers are put together without loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tusou.index.base import ScoredRows
from tusou.recall.fusion import unite


def scored(rows: Sequence[int]) -> ScoredRows:
    return ScoredRows(np.array(rows, np.int64), np.linspace(1, 0, len(rows), dtype=np.float32))


def test_every_candidate_comes_once_with_its_sources() -> None:
    candidates = unite({"lexical": scored([7, 3]), "dense": scored([9, 3, 1])})
    assert candidates.rows.tolist() == [1, 3, 7, 9]
    assert [candidates.sources(i) for i in range(4)] == [
        ("dense",),
        ("lexical", "dense"),
        ("lexical",),
        ("dense",),
    ]


def test_nothing_united_with_nothing_is_nothing() -> None:
    assert len(unite({})) == 0
    assert len(unite({"lexical": scored([]), "dense": scored([])})) == 0
    assert unite({"lexical": scored([]), "dense": scored([2])}).sources(0) == ("dense",)
