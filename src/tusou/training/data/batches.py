"""What one step learns from: some queries, the images they are held against, and what is known of each pair.

Every batch is a function of (seed, epoch, step) alone, so a run that was interrupted goes on with the very
batches it would have seen, and every process of a distributed run sees the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tusou.errors import DataError
from tusou.training.data.relevance import Grades, Positions, RelevanceData
from tusou.training.data.splits import NO_PAIRS, caption_key

Flags = npt.NDArray[np.bool_]

UNKNOWN = -1
"""In a list: no image stands here."""


@dataclass(frozen=True)
class Batch:
    """Queries with their lists.

    Attributes:
        queries: (rows,) positions of queries.
        images: (images,) positions of the images scored, each once.
        items: (rows, columns) which of ``images`` stands in each list; None for a grid, where every list is
            all of them.
        grades: (rows, columns) relevance.
        known: (rows, columns) whether the entry counts.
    """

    queries: Positions
    images: Positions
    items: Positions | None
    grades: Grades
    known: Flags


class Batches(Protocol):
    """What draws the batches of a run."""

    def __len__(self) -> int:
        """Steps of an epoch."""
        ...

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of one step."""
        ...


class Relevance:
    """Looks up grades of (query, image) pairs, and what must not be taken for a negative.

    A query's own list says its grades. Every image with the same caption, and every image that is a near
    duplicate of a relevant one, is left out as a negative: it is likely to be relevant.
    """

    def __init__(self, data: RelevanceData, near_duplicates: Positions = NO_PAIRS) -> None:
        """Index the lists.

        Args:
            data: Queries and their lists.
            near_duplicates: (pairs, 2) positions of images that show the same.

        Raises:
            DataError: No query has a relevant image.
        """
        self.data = data
        owners = data.query_of_entry
        keys = owners * len(data.pictures) + data.items
        order = np.argsort(keys)
        self._keys, self._grades = keys[order], data.grades[order]
        relevant = data.grades > 0
        self.learnable: Positions = np.unique(owners[relevant])
        if not len(self.learnable):
            raise DataError("no query has a relevant image: nothing can be learnt", reason="nothing_usable")
        self._picture_group = _groups(len(data.pictures), near_duplicates)
        texts = np.unique([caption_key(query) for query in data.queries], return_inverse=True)[1]
        pairs = np.stack([texts[owners[relevant]], self._picture_group[data.items[relevant]]], 1)
        self._text_of_query = texts
        self._likely = np.unique(pairs[:, 0] * len(data.pictures) + pairs[:, 1])

    def shown_apart(self) -> Positions:
        """Queries whose own lists hold different grades: what negatives = 'shown' learns from.

        Raises:
            DataError: There is none.
        """
        data = self.data
        best, worst = np.zeros(len(data.queries)), np.full(len(data.queries), np.inf)
        np.maximum.at(best, data.query_of_entry, data.grades)
        np.minimum.at(worst, data.query_of_entry, data.grades)
        queries = np.flatnonzero(worst < best)
        if not len(queries):
            raise DataError(
                "objective.negatives = 'shown' has nothing to compare: no query was shown images of "
                "different grades (captions never are); take 'in_batch', 'random' or 'hard'",
                reason="nothing_usable",
            )
        return queries

    def grades_of(self, queries: Positions, images: Positions) -> tuple[Grades, Flags]:
        """Grades and whether they are known, of pairs given as arrays of one shape."""
        keys = queries * len(self.data.pictures) + images
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        listed = self._keys[place] == keys
        grades = np.where(listed, self._grades[place], 0).astype(np.float32)
        likely_keys = self._text_of_query[queries] * len(self.data.pictures) + self._picture_group[images]
        spot = np.minimum(np.searchsorted(self._likely, likely_keys), len(self._likely) - 1)
        return grades, listed | (self._likely[spot] != likely_keys)


class GridBatches:
    """in_batch: each query with one of its relevant images; all images of the batch are everybody's list."""

    def __init__(self, relevance: Relevance, batch_size: int, seed: int) -> None:
        """Prepare.

        Args:
            relevance: Grades.
            batch_size: Queries of a step.
            seed: See the module.
        """
        self._relevance, self._size, self._seed = relevance, batch_size, seed

    def __len__(self) -> int:
        """Steps of an epoch; a last batch of one query, which teaches nothing, is left out."""
        count = len(self._relevance.learnable)
        return max(1, -(-(count - 1) // self._size))

    def batch(self, epoch: int, step: int) -> Batch:
        """The queries of one step, each query once an epoch."""
        queries = _chosen(self._relevance.learnable, self._seed, epoch, step, self._size)
        positives = _positives(self._relevance.data, queries, _generator(self._seed, epoch, step))
        images = np.unique(positives)
        rows, columns = np.broadcast_arrays(queries[:, None], images[None, :])
        grades, known = self._relevance.grades_of(rows, columns)
        return Batch(queries, images, None, grades, known)


class ListBatches:
    """random, hard, shown: each query with a list of its own.

    Attributes:
        hard: (queries, n) positions of images negatives are drawn from; None draws from all images.
    """

    def __init__(
        self, relevance: Relevance, batch_size: int, list_size: int, seed: int, *, shown_only: bool = False
    ) -> None:
        """Prepare.

        Args:
            relevance: Grades.
            batch_size: Queries of a step.
            list_size: Images of a list: first a relevant one; second one that is not, shown or drawn; then
                others shown, then drawn ones.
            seed: See the module.
            shown_only: Draw none.

        Raises:
            DataError: Drawing none leaves nothing to compare.
        """
        self._relevance, self._size, self._length, self._seed = relevance, batch_size, list_size, seed
        self._shown_only = shown_only
        self._queries = relevance.shown_apart() if shown_only else relevance.learnable
        self.hard: Positions | None = None

    def __len__(self) -> int:
        """Steps of an epoch."""
        return -(-len(self._queries) // self._size)

    def batch(self, epoch: int, step: int) -> Batch:
        """The queries of one step, each query once an epoch."""
        queries = _chosen(self._queries, self._seed, epoch, step, self._size)
        rng = _generator(self._seed, epoch, step)
        lists = np.full((len(queries), self._length), UNKNOWN, dtype=np.int64)
        lists[:, 0] = _positives(self._relevance.data, queries, rng)
        for row, query in zip(lists, queries, strict=True):
            self._fill(row, int(query), rng)
        images, items = np.unique(np.where(lists == UNKNOWN, lists[:, :1], lists), return_inverse=True)
        rows = np.broadcast_to(queries[:, None], lists.shape)
        items = items.reshape(lists.shape).astype(np.int64)
        grades, known = self._relevance.grades_of(rows, images[items])
        return Batch(queries, images, items, grades, known & (lists != UNKNOWN))

    def _fill(self, row: Positions, query: int, rng: np.random.Generator) -> None:
        """Put one that is not relevant, others shown and drawn ones behind a query's relevant image."""
        data = self._relevance.data
        entries = slice(data.offsets[query], data.offsets[query + 1])
        shown, relevant = data.items[entries], data.grades[entries] > 0
        wrong = rng.permutation(shown[~relevant])
        others = rng.permutation(np.concatenate([wrong[1:], shown[relevant & (shown != row[0])]]))
        drawn = np.empty(0, np.int64)
        if not self._shown_only:
            drawn = rng.choice(len(data.pictures) if self.hard is None else self.hard[query], len(row))
        first = np.concatenate([wrong, drawn])[:1]
        chosen = np.concatenate([first, others, drawn[1:]])[: len(row) - 1]
        row[1 : 1 + len(chosen)] = chosen


def _generator(seed: int, epoch: int, step: int) -> np.random.Generator:
    return np.random.default_rng((seed, epoch, step))


def _chosen(queries: Positions, seed: int, epoch: int, step: int, size: int) -> Positions:
    order = np.random.default_rng((seed, epoch)).permutation(len(queries))
    return queries[order[step * size : (step + 1) * size]]


def _positives(data: RelevanceData, queries: Positions, rng: np.random.Generator) -> Positions:
    """One relevant image of each query."""
    chosen = np.empty(len(queries), dtype=np.int64)
    for i, query in enumerate(queries):
        entries = slice(data.offsets[query], data.offsets[query + 1])
        relevant = data.items[entries][data.grades[entries] > 0]
        chosen[i] = relevant[rng.integers(len(relevant))] if len(relevant) > 1 else relevant[0]
    return chosen


def _groups(count: int, pairs: Positions) -> Positions:
    """(count,) number of each image's group: near duplicates of near duplicates belong together."""
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    groups: Positions = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups
