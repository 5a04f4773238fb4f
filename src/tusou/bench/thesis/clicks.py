"""Clicks arrive: what each fitted system becomes on logs of its own making, and on one all share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tusou.bench.thesis.collection import Collection
from tusou.bench.thesis.systems import Lists, Setting, fit, measure, ranked, tables
from tusou.bench.thesis.world import Deep
from tusou.feedback.attraction import beta_posterior
from tusou.feedback.counts import BehaviorCounts
from tusou.feedback.explore import explore
from tusou.feedback.simulate import Simulator, rank_examination, zipf_queries
from tusou.types import Rows

SESSIONS = (0, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Searches after which the systems are fitted again and measured."""

ROUNDS = 2
"""Times the order follows the clicks between two of them."""

SHOWN = 20
BELIEVED_ETA = 1.0
"""Examination that counting assumes, 1 / rank; people in the simulators behave otherwise."""

HEAD = 0.1
"""Share of the queries, by how often they are asked, that is the head."""

COMMON_POOL = 60
"""On the common log each search shows SHOWN of the first so many by BM25, drawn anew."""

MEAN_ATTRACTION = 0.1
FLOOR_PLACE = 50
"""Nothing that ranks below it is brought up by exploration."""


@dataclass
class Counts:
    """Clicks and expected examinations of (query, image); implements ``feedback.counts.BehaviorSource``.

    Attributes:
        clicks: (queries, n).
        examinations: (queries, n).
    """

    clicks: npt.NDArray[np.float32]
    examinations: npt.NDArray[np.float32]
    _sums: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = field(default=None, repr=False)

    @classmethod
    def none(cls, collection: Collection) -> Counts:
        """Nobody searched yet."""
        shape = collection.world.grades.shape
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def add(self, query: int, rows: Rows, clicks: npt.NDArray[np.int64], times: int) -> None:
        """Record a list that was shown some times."""
        self.clicks[query, rows] += clicks
        self.examinations[query, rows] += times * rank_examination(len(rows), BELIEVED_ETA)
        self._sums = None

    def of_images(self, rows: Rows) -> BehaviorCounts:
        """Counts over all queries."""
        if self._sums is None:
            self._sums = self.clicks.sum(axis=0), self.examinations.sum(axis=0)
        return _counts(self._sums[0][rows], self._sums[1][rows])

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        """Counts under one query, whose words are its number here."""
        return _counts(self.clicks[int(query), rows], self.examinations[int(query), rows])


def _counts(clicks: npt.NDArray[np.float32], examinations: npt.NDArray[np.float32]) -> BehaviorCounts:
    return BehaviorCounts(examinations, examinations, clicks, np.zeros(len(clicks), np.float32))


def own_log(
    collection: Collection, setting: Setting, deep: Deep, simulator: Simulator, seed: int
) -> list[npt.NDArray[np.float64]]:
    """nDCG@10 of the test queries after each of SESSIONS, on the log the system's own answers made.

    The product's exploration raises an image on two places of every page.
    """
    rng, counts = np.random.default_rng(seed), Counts.none(collection)
    world, score = collection.world, deep if setting.deep else None
    queries = range(len(world.queries))
    measured = tables(collection, queries, score, counts)
    ranker = fit(setting, collection, measured)
    found = [measure(collection, ranked(ranker, measured), world.test.tolist())]
    for before, after in pairwise(SESSIONS):
        for _ in range(ROUNDS):
            shown = _explored(ranked(ranker, measured), counts, rng)
            _search(collection, shown, (after - before) // ROUNDS, simulator, counts, rng)
            measured = tables(collection, queries, score, counts)
        ranker = fit(setting, collection, measured)
        found.append(measure(collection, ranked(ranker, measured), world.test.tolist()))
    return found


def common_log(
    collection: Collection, settings: Mapping[str, Setting], deep: Deep, simulator: Simulator, seed: int
) -> dict[str, list[npt.NDArray[np.float64]]]:
    """The same on one log for all systems: what BM25 found, in random parts."""
    rng, counts = np.random.default_rng(seed), Counts.none(collection)
    world = collection.world
    found: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in settings}
    for before, after in zip((0, *SESSIONS), SESSIONS, strict=False):
        for _ in range(ROUNDS if after else 0):
            shown = {
                query: rng.permutation(hits.rows[:COMMON_POOL])[:SHOWN]
                for query, hits in enumerate(collection.lexical)
            }
            _search(collection, shown, (after - before) // ROUNDS, simulator, counts, rng)
        for name, setting in settings.items():
            score = deep if setting.deep else None
            measured = tables(collection, range(len(world.queries)), score, counts)
            lists = ranked(fit(setting, collection, measured), measured)
            found[name].append(measure(collection, lists, world.test.tolist()))
    return found


def head_queries(collection: Collection) -> npt.NDArray[np.bool_]:
    """(test queries,) which are of the head; queries are numbered by how often they are asked."""
    return np.asarray(collection.world.test < HEAD * len(collection.world.queries))


def _search(
    collection: Collection,
    shown: Lists,
    sessions: int,
    simulator: Simulator,
    counts: Counts,
    rng: np.random.Generator,
) -> None:
    world = collection.world
    asked = np.bincount(zipf_queries(len(world.queries), sessions, rng), minlength=len(world.queries))
    for query, rows in shown.items():
        times = int(asked[query])
        if not times or not len(rows):
            continue
        rows = rows[:SHOWN]
        grades = np.tile(world.grades[query, rows], (times, 1))
        appeal = np.tile(world.appeal[rows], (times, 1))
        clicks = simulator(grades, rng, quality=appeal).sum(axis=0)
        counts.add(query, rows, clicks, times)


def _explored(lists: Lists, counts: Counts, rng: np.random.Generator) -> dict[int, Rows]:
    explored = {}
    for query, rows in lists.items():
        worth = -np.arange(len(rows), dtype=np.float64)
        seen = counts.of_pairs(str(query), rows)
        posterior = beta_posterior(
            seen.clicks, seen.examinations, np.full(len(rows), MEAN_ATTRACTION, np.float32)
        )
        explored[query] = rows[explore(worth, posterior, floor=-FLOOR_PLACE, rng=rng).order]
    return explored
