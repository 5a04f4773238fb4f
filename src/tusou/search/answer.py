"""The whole answer to a query, as rows in order: ranked, browsed, or copies of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tusou.feedback.counts import BehaviorSource
from tusou.index.base import Index
from tusou.ranking.base import Ranker, best_first
from tusou.ranking.explain import contributions_of, percentile_of
from tusou.ranking.feature_log import pack_features
from tusou.ranking.features import FeatureTable, RankingQuery, gather_features
from tusou.recall.base import Retriever
from tusou.recall.dense import DenseRetriever
from tusou.recall.fusion import Candidates, unite
from tusou.recall.lexical import LexicalRetriever
from tusou.search.copies import find_copies
from tusou.search.query_image import QueryImage
from tusou.search.stages import Stages
from tusou.types import Contribution, Embeddings, Filters, Mask, Range, Rows

NEWEST_SHARE = 0.5
"""Share of the best score an image needs to be in an answer sorted by date: relevance decides who is in it,
the date decides the order."""


class Reasons(NamedTuple):
    """Why an image is in an answer; fields as in ``types.Explanation``."""

    sources: tuple[str, ...]
    contributions: tuple[Contribution, ...] = ()
    percentile: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Every image of an answer.

    Attributes:
        rows: (n,) in order.
        scores: (n,) aligned with rows; zeros where nothing was ranked.
        reasons: Place in the answer to why that image is there.
        logged: Places in the answer to what the ranker saw of them, packed for the event log; None when
            nothing was ranked.
    """

    rows: Rows
    scores: npt.NDArray[np.float64]
    reasons: Callable[[int], Reasons]
    logged: Callable[[Sequence[int]], bytes | None] = lambda _: None


def every_live_row(index: Index) -> Mask:
    """A mask that lets every live row through."""
    mask = index.mask(Filters(width=Range(0, None)))
    assert mask is not None, "a filter gives a mask"
    return mask


def browse(index: Index, mask: Mask | None) -> Answer:
    """What the filters let through, newest first (rows are numbered in the order of arrival)."""
    rows = np.flatnonzero(every_live_row(index) if mask is None else mask)[::-1]
    return Answer(rows, np.zeros(len(rows)), lambda _: Reasons(("filters",)))


def copies(index: Index, picture: QueryImage, equal: list[int], mask: Mask | None) -> Answer:
    """Copies of the query picture."""
    allowed = every_live_row(index) if mask is None else mask
    rows, scores = find_copies(index, picture, equal, allowed)

    def reasons(place: int) -> Reasons:
        score = float(scores[place])
        source = "sha256" if int(rows[place]) in equal else "fingerprint"
        return Reasons((source,), (Contribution("image_similarity", score, score, 1.0, score),))

    return Answer(rows, scores, reasons)


def rank(
    index: Index,
    query: RankingQuery,
    ranker: Ranker,
    depth: int,
    mask: Mask | None,
    stages: Stages,
    behavior: BehaviorSource | None = None,
) -> Answer:
    """Candidates of both retrievers in the ranker's order."""
    candidates, features = candidate_features(index, query, depth, mask, stages, behavior)
    with stages("rank"):
        scores = ranker.rank(features)
        order = best_first(scores.values, candidates.rows)

    def reasons(place: int) -> Reasons:
        i = int(order[place])
        return Reasons(
            candidates.sources(i), contributions_of(scores, features, i), percentile_of(features, i)
        )

    def logged(places: Sequence[int]) -> bytes:
        return pack_features(features, order[list(places)].tolist())

    return Answer(candidates.rows[order], scores.values[order], reasons, logged)


def candidate_features(
    index: Index,
    query: RankingQuery,
    depth: int,
    mask: Mask | None,
    stages: Stages,
    behavior: BehaviorSource | None = None,
) -> tuple[Candidates, FeatureTable]:
    """Candidates of both retrievers and what the ranker sees of them."""
    retrievers: tuple[Retriever, ...] = (LexicalRetriever(index), DenseRetriever(index))
    direction = search_direction(query)
    found = {}
    for retriever in retrievers:
        with stages(f"recall_{retriever.name}"):
            found[retriever.name] = retriever.retrieve(query.text, direction, depth, mask)
    with stages("features"):
        candidates = unite(found)
        features = gather_features(index, query, candidates.rows, behavior)
    return candidates, features


def newest_first(answer: Answer) -> Answer:
    """The relevant part of a ranked answer, by arrival; see NEWEST_SHARE."""
    relevant = np.flatnonzero(answer.scores >= NEWEST_SHARE * answer.scores.max(initial=0.0))
    places = relevant[np.argsort(-answer.rows[relevant])]
    return Answer(
        answer.rows[places],
        answer.scores[places],
        lambda place: answer.reasons(int(places[place])),
        lambda shown: answer.logged(places[list(shown)].tolist()),
    )


def search_direction(query: RankingQuery) -> Embeddings | None:
    """The embedding nearest neighbours are sought of: words and picture weighted, L2-normalised.

    Its cosines are the weighted sum of both embeddings' cosines, up to one factor.
    """
    if query.text_embedding is None or query.image_embedding is None:
        return query.image_embedding if query.text_embedding is None else query.text_embedding
    mixed = (1 - query.image_weight) * query.text_embedding + query.image_weight * query.image_embedding
    norm = np.linalg.norm(mixed)
    return (mixed / norm).astype(np.float32) if norm > 0 else query.image_embedding
