"""The whole answer to a query, as rows in order: ranked, browsed, or copies of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tusou.feedback.counts import BehaviorSource
from tusou.index.base import Index
from tusou.ranking.bank import ImageBank
from tusou.ranking.base import Ranker
from tusou.ranking.cutoff import Cutoff
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
from tusou.types import AppliedRule, Contribution, Embeddings, Filters, Mask, Range, Rows

NEAR_SHARE = 0.5
"""Share of the best score an image needs to be in an answer in another order where the relevant set is
unknown or empty."""

DEEPER = 10
"""How many times as many candidates are recalled when the relevant set reaches beyond the usual depth."""

_RECALL_SCORES = {"lexical": "bm25f", "dense": "dense_similarity"}
"""Retriever to the feature it orders by."""


class Reasons(NamedTuple):
    """Why an image is in an answer; fields as in ``types.Explanation``."""

    sources: tuple[str, ...]
    contributions: tuple[Contribution, ...] = ()
    percentile: float | None = None
    rules: tuple[AppliedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Every image of an answer.

    Attributes:
        rows: (n,) in order; the relevant ones first where they are known.
        scores: (n,) aligned with rows; zeros where nothing was ranked.
        reasons: Place in the answer to why that image is there.
        logged: Places in the answer to what the ranker saw of them, packed for the event log; None when
            nothing was ranked.
        probabilities: (n,) that each is relevant, or None where it is not known.
        relevant: How many of the first rows are the relevant set; None where it is not known.
        more_relevant: There are more relevant images than were recalled.
        behind: Row of an image to the rows of its copies, which the answer leaves out.
        explored: Rank to the chance with which exploration put an image there.
    """

    rows: Rows
    scores: npt.NDArray[np.float64]
    reasons: Callable[[int], Reasons]
    logged: Callable[[Sequence[int]], bytes | None] = lambda _: None
    probabilities: npt.NDArray[np.float64] | None = None
    relevant: int | None = None
    more_relevant: bool = False
    behind: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    explored: Mapping[int, float] = field(default_factory=dict)

    def only(self, places: npt.NDArray[np.int64], relevant: int | None) -> Answer:
        """Some of the images in another order, of which the first ``relevant`` are the relevant set."""
        return replace(
            self,
            rows=self.rows[places],
            scores=self.scores[places],
            reasons=lambda place: self.reasons(int(places[place])),
            logged=lambda shown: self.logged(places[list(shown)].tolist()),
            probabilities=None if self.probabilities is None else self.probabilities[places],
            relevant=relevant,
        )


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
    cutoff: Cutoff | None = None,
) -> Answer:
    """Candidates of both retrievers in the ranker's order, the relevant set before the others.

    When the relevant set reaches beyond the depth, DEEPER times as many candidates are recalled, so that it
    can be counted, sorted and paged in full.
    """
    bank = cutoff.bank if cutoff else None
    candidates, features = candidate_features(index, query, depth, mask, stages, behavior, bank)
    probabilities, relevant = _relevance(cutoff, features)
    if _reaches_beyond(candidates, features, relevant, depth):
        depth *= DEEPER
        candidates, features = candidate_features(index, query, depth, mask, stages, behavior, bank)
        probabilities, relevant = _relevance(cutoff, features)
    with stages("rank"):
        scores = ranker.rank(features)
        order = np.lexsort((candidates.rows, -scores.values, ~relevant))

    def reasons(place: int) -> Reasons:
        i = int(order[place])
        return Reasons(
            candidates.sources(i), contributions_of(scores, features, i), percentile_of(features, i)
        )

    def logged(places: Sequence[int]) -> bytes:
        return pack_features(features, order[list(places)].tolist())

    return Answer(
        candidates.rows[order],
        scores.values[order],
        reasons,
        logged,
        probabilities=None if probabilities is None else probabilities[order],
        relevant=None if probabilities is None else int(relevant.sum()),
        more_relevant=_reaches_beyond(candidates, features, relevant, depth),
    )


def _relevance(
    cutoff: Cutoff | None, features: FeatureTable
) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.bool_]]:
    """Probability of each candidate and whether it is of the relevant set; none is where nothing is known."""
    probabilities = cutoff.of_candidates(features) if cutoff else None
    if cutoff is None or probabilities is None:
        return None, np.zeros(len(features), np.bool_)
    return probabilities, cutoff.relevant(features, probabilities)


def _reaches_beyond(
    candidates: Candidates, features: FeatureTable, relevant: npt.NDArray[np.bool_], depth: int
) -> bool:
    """Whether the last candidate a retriever had room for is relevant, so that there may be more."""
    for name, feature in _RECALL_SCORES.items():
        found = np.flatnonzero(candidates.found_by[name])
        if len(found) >= depth and relevant[found[features.column(feature)[found].argmin()]]:
            return True
    return False


def candidate_features(
    index: Index,
    query: RankingQuery,
    depth: int,
    mask: Mask | None,
    stages: Stages,
    behavior: BehaviorSource | None = None,
    bank: ImageBank | None = None,
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
        features = gather_features(index, query, candidates.rows, behavior, bank)
    return candidates, features


def relevant_only(answer: Answer) -> Answer:
    """The relevant set alone; the whole answer where it is not known."""
    return answer if answer.relevant is None else answer.only(np.arange(answer.relevant), answer.relevant)


def search_direction(query: RankingQuery) -> Embeddings | None:
    """The embedding nearest neighbours are sought of: words and picture weighted, L2-normalised.

    Its cosines are the weighted sum of both embeddings' cosines, up to one factor.
    """
    if query.text_embedding is None or query.image_embedding is None:
        return query.image_embedding if query.text_embedding is None else query.text_embedding
    mixed = (1 - query.image_weight) * query.text_embedding + query.image_weight * query.image_embedding
    norm = np.linalg.norm(mixed)
    return (mixed / norm).astype(np.float32) if norm > 0 else query.image_embedding
