"""Train on some queries, rank the candidates of others: each is ranked by a model that never saw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tusou.ranking.base import Ranker, best_first
from tusou.ranking.features import FEATURES, FeatureTable
from tusou.ranking.files import LearnedRanker
from tusou.ranking.learn.data import JudgedCandidates, folds
from tusou.ranking.learn.linear import fit_linear
from tusou.ranking.learn.trees import fit_trees
from tusou.types import Rows

DIRECTIONS: Mapping[str, int] = {spec.name: spec.direction for spec in FEATURES}

LINEAR_FROM, TREES_FROM = 50, 300
"""Judged queries from which a linear ranker, and from which trees, are worth a try."""

Fit = Callable[[JudgedCandidates], LearnedRanker]


@dataclass(frozen=True)
class QueryCandidates:
    """All candidates of one judged query.

    Attributes:
        query_id: Its name in the judgments.
        table: Features of every candidate.
        rows: (n,) the candidates' rows, for stable ties.
        doc_ids: (n,) the candidates' names in the judgments.
        grades: (n,) grade of each, -1 where nobody judged.
    """

    query_id: str
    table: FeatureTable
    rows: Rows
    doc_ids: tuple[str, ...]
    grades: np.ndarray


def kind_for(queries: int) -> str:
    """What so many judged queries are enough for: ``convex`` (nothing is learnt), ``linear`` or ``trees``."""
    if queries < LINEAR_FROM:
        return "convex"
    return "linear" if queries < TREES_FROM else "trees"


def fitter(kind: str) -> Fit:
    """How a kind of ranker is fitted; trees keep a fifth of their queries to know when to stop."""
    if kind == "linear":
        return lambda data: fit_linear(data, DIRECTIONS)

    def fit(data: JudgedCandidates) -> LearnedRanker:
        held, *others = folds(data.queries, 5, seed=0)
        return fit_trees(data.of_queries(np.concatenate(others)), data.of_queries(held), DIRECTIONS)

    return fit


def training_rows(queries: Sequence[QueryCandidates], names: Sequence[str]) -> JudgedCandidates:
    """The candidates of some queries, numbered by their place in it; unjudged ones count as grade 0.

    Judged images are those that some system ranked high. A ranker that learns from them alone never sees what
    it will mostly see, and did worse than nothing learnt (docs/design/0007-rankers.md).
    """
    grades = [np.maximum(each.grades, 0) for each in queries]
    return JudgedCandidates(
        tuple(names),
        np.concatenate([each.table.columns(names) for each in queries]).astype(np.float64),
        np.concatenate(grades).astype(np.int64),
        np.repeat(np.arange(len(queries)), [len(each) for each in grades]),
    )


def ranked_by(ranker: Ranker, query: QueryCandidates) -> list[str]:
    """Candidates of a query in a ranker's order."""
    order = best_first(ranker.rank(query.table).values, query.rows)
    return [query.doc_ids[i] for i in order]


def held_out_run(
    queries: Sequence[QueryCandidates], names: Sequence[str], fit: Fit, count: int, seed: int
) -> dict[str, list[str]]:
    """Answers to every query, each by a ranker fitted to the other folds.

    Args:
        queries: Judged queries with all their candidates.
        names: Features the ranker may look at.
        fit: Fits one ranker.
        count: Folds.
        seed: Deals the queries out.

    Raises:
        RankerError: Too few queries, or nothing to learn from.
    """
    data = training_rows(queries, names)
    run = {}
    for held in folds(np.arange(len(queries)), count, seed):
        ranker = fit(data.of_queries(np.setdiff1d(np.arange(len(queries)), held)))
        run.update({queries[i].query_id: ranked_by(ranker, queries[i]) for i in held})
    return run
