"""What the reference network is given and what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
"""float32, float64 or longdouble; every function keeps the type it is given."""

Parameters = dict[str, Array]
"""Weights by name, or their gradients: ``query_weight`` (query width, width), ``query_bias`` (width,),
``image_weight`` (image width, width), and either ``image_bias`` or ``positive_bias`` and ``negative_bias``,
each (width,)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Queries, each with two images of which one should score higher.

    Attributes:
        query: (rows, query width) features.
        positive: (rows, image width) features of the image on the left side of the comparison.
        negative: (rows, image width) features of the image on the right side.
        target: (rows,), P of the rank cost: 1 when the left image should rank higher, 0 when the right one
            should, 0.5 when both are equally good.
        weight: (rows,) factor of each row's cost; None for ones.
    """

    query: Array
    positive: Array
    negative: Array
    target: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.query)

    def each(self, change: Callable[[Array], Array]) -> Batch:
        """The batch with one change made to every array (another precision, chosen rows)."""
        weight = None if self.weight is None else change(self.weight)
        return Batch(
            change(self.query), change(self.positive), change(self.negative), change(self.target), weight
        )
