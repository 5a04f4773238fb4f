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
        lists = _shown(self._relevance.data, queries, rng, self._length, keep_second=not self._shown_only)
        if not self._shown_only:
            lists = np.where(lists == UNKNOWN, self._drawn(queries, rng), lists)
        images, items = np.unique(np.where(lists == UNKNOWN, lists[:, :1], lists), return_inverse=True)
        rows = np.broadcast_to(queries[:, None], lists.shape)
        items = items.reshape(lists.shape).astype(np.int64)
        grades, known = self._relevance.grades_of(rows, images[items])
        return Batch(queries, images, items, grades, known & (lists != UNKNOWN))

    def _drawn(self, queries: Positions, rng: np.random.Generator) -> Positions:
        """(rows, list size) images drawn with replacement: of all, or of each query's hard ones."""
        shape = len(queries), self._length
        if self.hard is None:
            return rng.integers(len(self._relevance.data.pictures), size=shape)
        places = rng.integers(self.hard.shape[1], size=shape)
        drawn: Positions = np.take_along_axis(self.hard[queries], places, axis=1)
        return drawn


def _generator(seed: int, epoch: int, step: int) -> np.random.Generator:
    return np.random.default_rng((seed, epoch, step))


def _chosen(queries: Positions, seed: int, epoch: int, step: int, size: int) -> Positions:
    order = np.random.default_rng((seed, epoch)).permutation(len(queries))
    return queries[order[step * size : (step + 1) * size]]


def _positives(data: RelevanceData, queries: Positions, rng: np.random.Generator) -> Positions:
    """(rows,) one relevant image of each query."""
    return _shown(data, queries, rng, 1, keep_second=False)[:, 0]


def _shown(
    data: RelevanceData, queries: Positions, rng: np.random.Generator, length: int, *, keep_second: bool
) -> Positions:
    """Each query's own list in random order: a relevant image, one that is not, then the rest.

    Args:
        data: Lists.
        queries: (rows,) each with a relevant image.
        rng: Chooses.
        length: Columns; what does not fit is left out.
        keep_second: The second column stays empty where no image is wrong, for one that is drawn.

    Returns:
        (rows, length) positions of images, UNKNOWN where a list is shorter. The relevant image stands once.
    """
    counts = data.offsets[queries + 1] - data.offsets[queries]
    starts = np.cumsum(counts) - counts
    owners = np.repeat(np.arange(len(queries)), counts)
    entries = np.arange(len(owners)) - np.repeat(starts - data.offsets[queries], counts)
    order = np.lexsort((rng.random(len(entries)), data.grades[entries] <= 0, owners))
    items, wrong = data.items[entries[order]], data.grades[entries[order]] <= 0
    positive = items[starts]
    again = ~wrong & (items == positive[owners])
    again[starts] = False
    relevant = np.bincount(owners[~wrong], minlength=len(queries))
    first_wrong = np.arange(len(owners)) == np.repeat(starts + relevant, counts)
    # what is left is mixed: relevant and wrong ones alike
    kind = np.where(first_wrong, 1, 2 + again)
    kind[starts] = 0
    order = np.lexsort((rng.random(len(entries)), kind, owners))
    items, kind = items[order], kind[order]
    gap = keep_second & (relevant == counts)
    columns = np.arange(len(owners)) - np.repeat(starts, counts) + np.where(kind >= 2, gap[owners], 0)
    lists = np.full((len(queries), length), UNKNOWN, dtype=np.int64)
    fits = (columns < length) & (kind < 3)
    lists[owners[fits], columns[fits]] = items[fits]
    return lists


def _groups(count: int, pairs: Positions) -> Positions:
    """(count,) number of each image's group: near duplicates of near duplicates belong together."""
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    groups: Positions = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups
