"""Do judges agree? Weighted kappa over what two of them graded, and one grade out of several opinions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tusou.errors import EvaluationError
from tusou.evaluation.qrels import MAX_GRADE

Grades = npt.NDArray[np.int64]


def weighted_kappa(first: Grades, second: Grades) -> float:
    """Cohen's kappa with quadratic weights (Cohen, Psychological Bulletin 1968).

    1 - (observed disagreement) / (disagreement expected by chance), where a disagreement weighs the square of
    the distance of the grades. 1 is perfect, 0 what chance gives, below 0 worse.

    Args:
        first: (n,) grades of one judge, 0 to MAX_GRADE.
        second: (n,) of another, the same items in the same order.

    Returns:
        NaN when both gave one and the same grade throughout: nothing can be told from that.

    Raises:
        EvaluationError: No item, different numbers of them, or a grade out of range.
    """
    if len(first) != len(second) or not len(first):
        raise EvaluationError(
            f"agreement needs the same items of both judges, got {len(first)} and {len(second)}"
        )
    if min(first.min(), second.min()) < 0 or max(first.max(), second.max()) > MAX_GRADE:
        raise EvaluationError(f"grades are 0 to {MAX_GRADE}")
    grades = np.arange(MAX_GRADE + 1)
    weights = (grades[:, None] - grades[None, :]) ** 2
    observed = np.zeros(weights.shape)
    np.add.at(observed, (first, second), 1 / len(first))
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0))
    chance = float((weights * expected).sum())
    return 1 - float((weights * observed).sum()) / chance if chance > 0 else float("nan")


def settled_grade(opinions: Sequence[int]) -> int:
    """One grade out of several: the median, of two middle ones the lower, so that doubt never adds relevance.

    Args:
        opinions: Grades of different judges, at least one.
    """
    return sorted(opinions)[(len(opinions) - 1) // 2]
