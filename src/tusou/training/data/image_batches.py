"""in_batch, an image at a time: where the image tower is the dear part, each image serves several queries."""

from __future__ import annotations

import numpy as np

from tusou.training.data.batches import Batch, Relevance
from tusou.training.data.relevance import Positions


class ImageGridBatches:
    """Each image once an epoch, with some of the queries it is relevant to."""

    def __init__(self, relevance: Relevance, batch_size: int, queries_per_image: int, seed: int) -> None:
        """Prepare.

        Args:
            relevance: Grades.
            batch_size: Queries of a step.
            queries_per_image: Queries drawn for each image, without repetition; fewer where it has fewer.
            seed: Batches are functions of (seed, epoch, step).
        """
        data = relevance.data
        relevant = data.grades > 0
        order = np.argsort(data.items[relevant], kind="stable")
        self._queries: Positions = data.query_of_entry[relevant][order]
        self._images, starts = np.unique(data.items[relevant][order], return_index=True)
        self._bounds = np.append(starts, len(self._queries))
        self._relevance, self._seed, self._each = relevance, seed, queries_per_image
        self._size = max(2, batch_size // queries_per_image)

    def __len__(self) -> int:
        """Steps of an epoch; a last batch of one image, which teaches nothing, is left out."""
        return max(1, -(-(len(self._images) - 1) // self._size))

    def batch(self, epoch: int, step: int) -> Batch:
        """The images of one step with their queries."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._images))
        chosen = np.sort(order[step * self._size : (step + 1) * self._size])
        rng = np.random.default_rng((self._seed, epoch, step))
        queries = np.unique(np.concatenate([self._drawn(i, rng) for i in chosen]))
        images = self._images[chosen]
        rows, columns = np.broadcast_arrays(queries[:, None], images[None, :])
        grades, known = self._relevance.grades_of(rows, columns)
        return Batch(queries, images, None, grades, known)

    def _drawn(self, i: int, rng: np.random.Generator) -> Positions:
        own = self._queries[self._bounds[i] : self._bounds[i + 1]]
        return own if len(own) <= self._each else rng.choice(own, self._each, replace=False)
