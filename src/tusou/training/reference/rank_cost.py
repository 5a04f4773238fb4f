"""Pairwise rank cost (RankNet) with its gradient (reference network).

C = log(1 + exp(o)) - P · o with o = left score - right score: sigmoid cross-entropy on the score difference
(Burges et al., ICML 2005). The 2017 layer adds the rows up and never divides by their number.
"""

from __future__ import annotations

import numpy as np

from tusou.training.reference.types import Array

V1_CLIP = 40.0
"""Bound the 2017 layer puts on o; with cosines of scale 5 or less, where |o| ≤ 10, it never acts."""


def rank_cost(margin: Array, target: Array, clip: float | None = V1_CLIP) -> Array:
    """Cost of each row.

    Args:
        margin: (rows,), o.
        target: (rows,), P in {0, 0.5, 1}.
        clip: o is bounded to ±clip first; None for no bound, as in the later ``rank_loss``.

    Returns:
        (rows,), 0 or more (with a bound and P = 1, at least log(1 + exp(-clip))).
    """
    bounded = _clipped(margin, clip)
    cost: Array = np.logaddexp(np.zeros_like(bounded), bounded) - target * bounded
    return cost


def rank_cost_gradient(margin: Array, target: Array, clip: float | None = V1_CLIP) -> Array:
    """``sigmoid(o) - P`` of each row.

    Beyond the bound the 2017 layer uses the sigmoid of the bounded o, so the gradient does not vanish there
    although the cost is flat.

    Args:
        margin: (rows,), o.
        target: (rows,), P.
        clip: As in rank_cost.

    Returns:
        (rows,), between -1 and 1.
    """
    bounded = _clipped(margin, clip)
    sigmoid: Array = np.exp(-np.logaddexp(np.zeros_like(bounded), -bounded))
    return sigmoid - target


def loss_floor(scale: float) -> float:
    """Least mean cost that cosines of this scale can reach: ``log(1 + exp(-2 · scale))``, 0.1269 for 1."""
    return float(np.logaddexp(0.0, -2.0 * scale))


def _clipped(margin: Array, clip: float | None) -> Array:
    return margin if clip is None else margin.clip(-clip, clip)
