"""What every ranker offers: features of the candidates to scores, with each feature's part in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tusou.ranking.features import FeatureTable
from tusou.types import Rows


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the score of one candidate comes from.

    Attributes:
        normalized: (m,) values on the ranker's own scale.
        weights: (m,) the ranker's weights; NaN for rankers without them.
        contributions: (m,) each feature's part; they sum to the score, up to a constant of the ranker.
    """

    normalized: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    contributions: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the candidates of one query, and where they come from.

    Attributes:
        names: (m,) features the ranker looked at.
        values: (n,) higher is better; comparable within one query only.
        parts: Place of a candidate to the parts of its score; worked out when asked for.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    parts: Callable[[int], Parts]


class Ranker(Protocol):
    """Second stage: orders the candidates of one query."""

    name: str

    def rank(self, features: FeatureTable) -> Scores:
        """Score every candidate."""
        ...


def best_first(scores: npt.NDArray[np.float64], rows: Rows) -> npt.NDArray[np.int64]:
    """Positions in order of descending score; equal scores by ascending row, so that the order is stable."""
    return np.lexsort((rows, -scores))
