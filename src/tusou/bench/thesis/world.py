"""A world whose truth is known: images, what they show, queries, and who is relevant to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.ranking.bank import ImageBank
from tusou.types import Embeddings

TRAIN_QUERIES, TEST_QUERIES = 100, 200
"""Judged queries that rankers learn from, and those that everything is measured on."""

RECALL_DEPTH = 200
"""Candidates of each recall; a few per cent of a world's images, as 1,000 are of a library's."""

Grades = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asks.

    Attributes:
        q: The words as typed.
        lang: ``en`` or ``zh``.
        compound: More than one thing is asked for: a background no keyword says, or two words.
    """

    q: str
    lang: str
    compound: bool


@dataclass(frozen=True, eq=False)
class Deep:
    """A learned query-image score: the cosine of these embeddings.

    Attributes:
        queries: (q, dim).
        images: (n, dim).
        unanswerable: (u, dim) of queries without a relevant image.
        bank: Of training images, for scores that compare between queries.
    """

    queries: Embeddings
    images: Embeddings
    unanswerable: Embeddings
    bank: ImageBank


@dataclass(frozen=True, eq=False)
class World:
    """Images, truth, queries and learned scores.

    Attributes:
        name: Of the world.
        concepts: What a keyword may say; texts in one or two languages.
        truth: (n, concepts) whether an image shows a concept.
        confusable: (concepts, m) concepts that look or read alike.
        popularity: (concepts,) how often a careless supplier uses each, sums to 1.
        queries: TRAIN_QUERIES + TEST_QUERIES of them, in the order of how often they are asked.
        train: (TRAIN_QUERIES,) numbers of the judged queries rankers learn from.
        test: (TEST_QUERIES,) numbers of the others.
        grades: (queries, n) 0 to 3.
        deep: Learned scores by name; the first one is the one claims are about.
        stored: Features that do not depend on the query, by name, (n,) each.
        appeal: (n,) factor on the chance of a click: people pass over poor pictures.
    """

    name: str
    concepts: tuple[tuple[str, ...], ...]
    truth: npt.NDArray[np.bool_]
    confusable: npt.NDArray[np.int64]
    popularity: npt.NDArray[np.float64]
    queries: tuple[Query, ...]
    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    grades: Grades
    deep: Mapping[str, Deep]
    stored: Mapping[str, npt.NDArray[np.float64]]
    appeal: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def main(self) -> str:
        """The learned score claims are about."""
        return next(iter(self.deep))


def split_queries(
    count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the training and of the test queries, frequent and rare ones in both."""
    order = rng.permutation(count)
    return np.sort(order[:TRAIN_QUERIES]), np.sort(order[TRAIN_QUERIES : TRAIN_QUERIES + TEST_QUERIES])
