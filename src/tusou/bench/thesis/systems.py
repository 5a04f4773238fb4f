"""The systems that are compared: what each may see, how it is fitted, how it ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.bench.thesis.collection import Collection
from tusou.bench.thesis.world import Deep
from tusou.evaluation.ndcg import ndcg
from tusou.feedback.counts import BehaviorSource
from tusou.ranking.base import Ranker, best_first
from tusou.ranking.convex import ConvexCombination
from tusou.ranking.features import FeatureTable
from tusou.ranking.learn.config import LEARNT
from tusou.ranking.learn.cross_validation import DIRECTIONS
from tusou.ranking.learn.data import JudgedCandidates, folds
from tusou.ranking.learn.linear import fit_linear
from tusou.ranking.learn.trees import fit_trees
from tusou.types import Rows

_EMPTY = ("bm25_description", "bm25_creator", "bm25_filename", "phrase", "language_match")

FUSION = tuple(name for name in LEARNT if name not in _EMPTY)
"""What the product's rankers look at, without fields these worlds leave empty."""

TRADITIONAL = tuple(name for name in FUSION if not name.startswith("dense") and name != "keyword_votes")
"""The same without the learned score: text, quality, source, behaviour."""

NEIGHBOURS = 20
"""Images that vote in keyword repair."""

VOTE_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Weights of the neighbours' mean BM25 that are tried on the training queries."""

Values = npt.NDArray[np.float64]
Lists = Mapping[int, Rows]
"""Query to rows, best first."""

SYSTEMS: Mapping[str, str] = {
    "S0": "random order",
    "S1": "BM25 over title and keywords",
    "S2": "logistic regression on text, quality and source",
    "S3": "LambdaMART on text, quality and source",
    "S4": "learned score on the keyword candidates",
    "S5": "learned score on keyword and vector candidates",
    "S6": "convex combination, nothing fitted",
    "S7": "logistic regression on everything",
    "S8": "LambdaMART on everything",
    "S9": "BM25 repaired by visual neighbours' votes",
    "oracle": "the truth on keyword and vector candidates",
}


@dataclass(frozen=True)
class Setting:
    """What a fitted system may see.

    Attributes:
        names: Features.
        kind: ``linear`` or ``trees``.
        deep: Whether it has the learned score, and so the vector candidates too.
    """

    names: tuple[str, ...]
    kind: str
    deep: bool


FITTED: Mapping[str, Setting] = {
    "S2": Setting(TRADITIONAL, "linear", deep=False),
    "S3": Setting(TRADITIONAL, "trees", deep=False),
    "S7": Setting(FUSION, "linear", deep=True),
    "S8": Setting(FUSION, "trees", deep=True),
}


def candidates(collection: Collection, query: int, deep: Deep | None) -> Rows:
    """Keyword candidates, with those of the learned score if there is one; ascending."""
    found = np.sort(collection.lexical[query].rows)
    return found if deep is None else np.union1d(found, collection.dense(deep, query))


def tables(
    collection: Collection, queries: Sequence[int], deep: Deep | None, behavior: BehaviorSource | None = None
) -> dict[int, tuple[Rows, FeatureTable]]:
    """Candidates and their features for each query that has any."""
    found = {}
    for query in queries:
        rows = candidates(collection, query, deep)
        if len(rows):
            found[query] = rows, collection.features(query, rows, deep, behavior)
    return found


def fit(
    setting: Setting, collection: Collection, measured: Mapping[int, tuple[Rows, FeatureTable]]
) -> Ranker:
    """Fit a system to the training queries; every candidate is judged, since truth is known."""
    world = collection.world
    held = [query for query in world.train.tolist() if query in measured]
    data = JudgedCandidates(
        setting.names,
        np.concatenate([measured[query][1].columns(setting.names) for query in held]).astype(np.float64),
        np.concatenate([world.grades[query, measured[query][0]] for query in held]),
        np.repeat(np.arange(len(held)), [len(measured[query][0]) for query in held]),
    )
    if setting.kind == "linear":
        return fit_linear(data, DIRECTIONS)
    stop, *others = folds(data.queries, 5, seed=0)
    return fit_trees(data.of_queries(np.concatenate(others)), data.of_queries(stop), DIRECTIONS)


def ranked(ranker: Ranker, measured: Mapping[int, tuple[Rows, FeatureTable]]) -> Lists:
    """Every query's candidates in a ranker's order."""
    return {
        query: rows[best_first(ranker.rank(table).values, rows)] for query, (rows, table) in measured.items()
    }


def by_score(rows_of: Callable[[int], Rows], deep: Deep, queries: Sequence[int]) -> Lists:
    """Candidates by the learned score alone."""
    lists = {}
    for query in queries:
        rows = rows_of(query)
        lists[query] = rows[best_first((deep.images[rows] @ deep.queries[query]).astype(np.float64), rows)]
    return lists


def cold_start(collection: Collection, deep: Deep, seed: int) -> dict[str, Lists]:
    """Answers of every system before any click."""
    world = collection.world
    queries = [*world.train.tolist(), *world.test.tolist()]
    rng = np.random.default_rng(seed)
    traditional, everything = tables(collection, queries, None), tables(collection, queries, deep)
    answers: dict[str, Lists] = {
        "S0": {query: rng.permutation(len(world))[:100] for query in queries},
        "S1": {query: collection.lexical[query].rows for query in queries},
        "S4": by_score(lambda query: candidates(collection, query, None), deep, queries),
        "S5": by_score(lambda query: candidates(collection, query, deep), deep, queries),
        "S6": ranked(ConvexCombination(), everything),
        "S9": repaired(collection, deep, queries),
        "oracle": {
            query: rows[np.argsort(-world.grades[query, rows], kind="stable")]
            for query, (rows, _) in everything.items()
        },
    }
    for name, setting in FITTED.items():
        measured = everything if setting.deep else traditional
        answers[name] = ranked(fit(setting, collection, measured), measured)
    return answers


def placebo(collection: Collection, deep: Deep, seed: int) -> Lists:
    """S7 with the images' learned scores dealt out anew, and only the keyword candidates.

    A score that says nothing must leave nothing but S2.
    """
    shuffled = Deep(
        deep.queries,
        deep.images[np.random.default_rng(seed).permutation(len(deep.images))],
        deep.unanswerable,
        deep.bank,
    )
    queries = [*collection.world.train.tolist(), *collection.world.test.tolist()]
    measured = {}
    for query in queries:
        rows = candidates(collection, query, None)
        if len(rows):
            measured[query] = rows, collection.features(query, rows, shuffled)
    return ranked(fit(FITTED["S7"], collection, measured), measured)


def without(collection: Collection, deep: Deep, prefixes: Sequence[str]) -> Lists:
    """S7 without the features whose names begin so."""
    names = tuple(name for name in FUSION if not name.startswith(tuple(prefixes)))
    queries = [*collection.world.train.tolist(), *collection.world.test.tolist()]
    measured = tables(collection, queries, deep)
    return ranked(fit(Setting(names, "linear", deep=True), collection, measured), measured)


def repaired(collection: Collection, deep: Deep, queries: Sequence[int]) -> Lists:
    """BM25 plus the mean BM25 of the nearest images; the weight is chosen on the training queries."""
    images = deep.images
    cosines = images @ images.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    own = {query: collection.bm25_of_all(query) for query in queries}
    votes = {query: scores[nearest].mean(axis=1) for query, scores in own.items()}

    def lists(weight: float, of: Sequence[int]) -> Lists:
        return {query: np.argsort(-(own[query] + weight * votes[query]), kind="stable")[:200] for query in of}

    train = collection.world.train.tolist()
    best = max(VOTE_WEIGHTS, key=lambda weight: measure(collection, lists(weight, train), train).mean())
    return lists(best, queries)


def measure(collection: Collection, lists: Lists, queries: Sequence[int], k: int = 10) -> Values:
    """nDCG@k of each query over all images of the world, (queries,); 0 for no answer."""
    grades = collection.world.grades
    return np.array(
        [
            ndcg(grades[query, lists[query][:k]], grades[query], k) if query in lists else 0.0
            for query in queries
        ]
    )


def measures(collection: Collection, lists: Lists) -> dict[str, list[float]]:
    """Every measure on every test query, by name."""
    grades, queries = collection.world.grades, collection.world.test.tolist()
    found = {
        "nDCG@10": measure(collection, lists, queries).tolist(),
        "P@10": [],
        "RR@10": [],
        "Recall@100": [],
    }
    for query in queries:
        relevant = grades[query, lists.get(query, np.empty(0, np.int64))[:100]] >= 1
        hits = np.flatnonzero(relevant[:10])
        found["P@10"].append(float(relevant[:10].sum() / 10))
        found["RR@10"].append(1 / (1 + int(hits[0])) if len(hits) else 0.0)
        found["Recall@100"].append(float(relevant.sum() / max(1, (grades[query] >= 1).sum())))
    return found
