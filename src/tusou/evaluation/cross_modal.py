"""Words find pictures and pictures find words: both directions of a captioned set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from tusou.errors import EvaluationError
from tusou.evaluation.measures import Ranks, median_rank, success
from tusou.types import Embeddings

CUTOFFS = (1, 5, 10)
"""Cut-offs of Success@k that papers on captioned sets report."""

Groups = npt.NDArray[np.int64]
"""(n,) number of the image each row belongs to; query and document of one number are relevant."""

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a cross-modal evaluation.

    Attributes:
        success: Cut-off to Success@k.
        median_rank: Median rank of the first relevant document.
        queries: Queries asked.
        documents: Documents ranked.
    """

    success: dict[int, float]
    median_rank: float
    queries: int
    documents: int

    @classmethod
    def of(cls, ranks: Ranks, documents: int) -> Self:
        """Measure ranks."""
        return cls({k: success(ranks, k) for k in CUTOFFS}, median_rank(ranks), len(ranks), documents)


@dataclass(frozen=True, slots=True)
class CrossModal:
    """Both directions over one captioned set."""

    text_to_image: Direction
    image_to_text: Direction


def evaluate_cross_modal(images: Embeddings, captions: Embeddings, image_of_caption: Groups) -> CrossModal:
    """Rank every image for every caption and every caption for every image.

    An image has several captions: its first one found counts, as in the literature.

    Args:
        images: (images, dim).
        captions: (captions, dim).
        image_of_caption: (captions,) position of each caption's image.

    Raises:
        EvaluationError: Nothing to rank, an image without caption, NaN, or sizes that do not fit.
    """
    numbers = np.arange(len(images))
    return CrossModal(
        Direction.of(first_relevant_ranks(captions, images, image_of_caption, numbers), len(images)),
        Direction.of(first_relevant_ranks(images, captions, numbers, image_of_caption), len(captions)),
    )


def first_relevant_ranks(
    queries: Embeddings, documents: Embeddings, query_groups: Groups, document_groups: Groups
) -> Ranks:
    """Rank, by cosine, of the best relevant document for every query.

    A document that is not relevant but scores the same counts as ranked before it, so a model that maps
    everything to one point gets the last ranks and not the first.

    Args:
        queries: (queries, dim) L2-normalised.
        documents: (documents, dim) L2-normalised.
        query_groups: (queries,) group of each query.
        document_groups: (documents,) group of each document; same group means relevant.

    Raises:
        EvaluationError: Nothing to rank, a query without relevant document, NaN, or sizes that do not fit.
    """
    _check(queries, query_groups, "queries")
    _check(documents, document_groups, "documents")
    missing = np.setdiff1d(query_groups, document_groups)
    if len(missing):
        raise EvaluationError(f"{len(missing)} queries have no relevant document (first group: {missing[0]})")
    ranks = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores = queries[block] @ documents.T
        relevant = query_groups[block, None] == document_groups
        best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
        ranks[block] = 1 + ((scores >= best) & ~relevant).sum(axis=1)
    return ranks


def _check(embeddings: Embeddings, groups: Groups, what: str) -> None:
    if not len(embeddings):
        raise EvaluationError(f"no {what} to rank")
    if len(embeddings) != len(groups):
        raise EvaluationError(f"{len(embeddings)} {what}, but groups for {len(groups)}")
    if not np.isfinite(embeddings).all():
        raise EvaluationError(f"{what} hold NaN or infinity: the encoder failed")
