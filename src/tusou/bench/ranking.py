"""Speed of the second stage: all features of 1,000 candidates, and every ranker over them, on one core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tusou.bench.machine import Timings, machine
from tusou.bench.search_scale import MODEL_ID, FileRows, Progress, build
from tusou.bench.synthetic import SyntheticLibrary
from tusou.feedback.counts import BehaviorCounts
from tusou.index.embedded import EmbeddedIndex
from tusou.ranking.bank import measure_bank
from tusou.ranking.base import Ranker
from tusou.ranking.convex import ConvexCombination
from tusou.ranking.explain import contributions_of
from tusou.ranking.features import FEATURES, FeatureTable, RankingQuery, gather_features
from tusou.ranking.learn.config import LEARNT
from tusou.ranking.learn.cross_validation import DIRECTIONS
from tusou.ranking.learn.data import JudgedCandidates
from tusou.ranking.learn.linear import fit_linear
from tusou.ranking.learn.trees import fit_trees
from tusou.ranking.promotion import random_table
from tusou.types import Rows

CANDIDATES = 1000
EXPLAINED = 30


class _Seen:
    """Every image was shown and some were chosen, so that behaviour costs what it costs."""

    def of_images(self, rows: Rows) -> BehaviorCounts:
        """Counts over all queries."""
        shown = (rows % 50).astype(np.float32)
        return BehaviorCounts(shown, shown, np.floor(shown / 10), np.zeros(len(rows), np.float32))

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        """The same under one query."""
        del query
        return self.of_images(rows)


def measure_ranking(rows: int, dim: int, queries: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure features and rankers.

    Args:
        rows: Images of the synthetic library.
        dim: Length of an embedding.
        queries: Queries timed.
        folder: Where the synthetic library lies or is made.
        progress: Told the part done.
    """
    synthetic = SyntheticLibrary(rows, dim)
    place = folder / f"{rows}x{dim}"
    build(place, synthetic, progress)
    vectors = FileRows(place / "rows.f16", dim)
    index = EmbeddedIndex.open(place / "index", vectors, MODEL_ID)
    bank, features, tables, reading = measure_bank([vectors.slice(0, 2000)]), Timings(), [], Timings()
    for text, embedding in synthetic.queries(queries + 1):
        found = np.union1d(
            index.search_text(text, CANDIDATES // 2).rows, index.search_vectors(embedding, CANDIDATES).rows
        )[:CANDIDATES]
        asked = RankingQuery(text, embedding, words="x", phrase=text.should[0], lang="en")
        with reading.measure("read embeddings and one product"):
            index.cosines(embedding, found)
        with features.measure("all features"):
            tables.append(gather_features(index, asked, found, _Seen(), bank))
    index.close()
    return {
        "machine": machine(),
        "rows": rows,
        "dim": dim,
        "candidates": CANDIDATES,
        "features": len(FEATURES),
        "stages_ms": {**features.summary(), **_rankers(tables[1:])},
        "floor_ms": reading.summary(),
    }


def _rankers(tables: list[FeatureTable]) -> dict[str, Any]:
    timed = {}
    for name, ranker in _fitted().items():
        timings, spent = Timings(), []
        for table in tables:
            with timings.measure("rank"):
                scores = ranker.rank(table)
            with timings.measure("explain"):
                spent.append([contributions_of(scores, table, i) for i in range(min(EXPLAINED, len(table)))])
        summary = timings.summary()
        timed[f"{name}: rank"] = summary["rank"]
        timed[f"{name}: explain {EXPLAINED} hits"] = summary["explain"]
    return timed


def _fitted() -> dict[str, Ranker]:
    """One ranker of each kind, the learned ones fitted to chance: speed does not depend on what they know."""
    rng = np.random.default_rng(0)
    table = random_table(4000)
    data = JudgedCandidates(
        LEARNT,
        table.columns(LEARNT).astype(np.float64),
        rng.integers(0, 4, len(table)),
        np.repeat(np.arange(40), len(table) // 40),
    )
    fits: dict[str, Callable[[], Ranker]] = {
        "convex": ConvexCombination,
        "linear": lambda: fit_linear(data, DIRECTIONS),
        "trees": lambda: fit_trees(data, None, DIRECTIONS),
    }
    return {name: fit() for name, fit in fits.items()}
