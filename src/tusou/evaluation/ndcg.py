"""nDCG@k: discounted gain of a ranking over that of the best possible one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Grades = npt.NDArray[np.int64]
"""(n,) grades, 0 or more; negative for documents nobody judged."""


def ndcg(ranked: Grades, judged: Grades, k: int) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, TOIS 2002; exponential gain).

    DCG = sum over ranks 1 to k of (2^grade - 1) / log2(rank + 1); the ideal is the DCG of all judged
    documents in order of descending grade, found or not.

    Args:
        ranked: Grades of the documents returned, best rank first; unjudged ones gain nothing.
        judged: Grades of every judged document, in any order; at least one above 0.
        k: Cut-off, at least 1.

    Returns:
        0 to 1.
    """
    return _dcg(ranked[:k]) / _dcg(np.sort(judged)[::-1][:k])


def _dcg(grades: Grades) -> float:
    gains = np.exp2(np.maximum(grades, 0)) - 1
    return float(gains @ (1 / np.log2(np.arange(2, len(gains) + 2))))
