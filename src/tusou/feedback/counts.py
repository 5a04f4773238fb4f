"""The counts of behaviour that ranking reads: how often an image was examined, clicked and downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tusou.types import Rows

Counts = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BehaviorCounts:
    """Behaviour recorded for n images, summed over time.

    Attributes:
        impressions: (n,) times shown.
        examinations: (n,) expected times looked at: the sum over impressions of the chance that somebody
            examined that place of the page; at most impressions.
        clicks: (n,) results opened.
        downloads: (n,) images taken.
    """

    impressions: Counts
    examinations: Counts
    clicks: Counts
    downloads: Counts

    @classmethod
    def none(cls, n: int) -> BehaviorCounts:
        """Nothing recorded for any of n images."""
        return cls(*(np.zeros(n, np.float32) for _ in range(4)))


class BehaviorSource(Protocol):
    """Where ranking looks behaviour up; 1,000 rows take well under a millisecond."""

    def of_images(self, rows: Rows) -> BehaviorCounts:
        """Counts of the images in these rows over all queries; none recorded is 0."""
        ...

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        """Counts of the images under one query, given as people typed it; compared in normalised spelling."""
        ...
