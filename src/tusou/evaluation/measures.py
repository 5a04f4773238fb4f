"""Measures over ranks and lists: Success@k, median rank, ANN recall@k.

Ranks are 1-based. Success@k is what papers on image and text call R@k.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tusou.errors import EvaluationError

Ranks = npt.NDArray[np.int64]
"""(queries,) 1-based rank of the first relevant document of each query."""


def success(ranks: Ranks, k: int) -> float:
    """Success@k: share of queries whose first relevant document stands at rank k or better.

    Raises:
        EvaluationError: No query, or a rank or cut-off below 1.
    """
    if k < 1:
        raise EvaluationError(f"Success@k needs a cut-off of at least 1, got {k}")
    return float((_checked(ranks) <= k).mean())


def median_rank(ranks: Ranks) -> float:
    """Median rank of the first relevant document; the mean of the middle two for an even number of queries.

    Raises:
        EvaluationError: No query, or a rank below 1.
    """
    return float(np.median(_checked(ranks)))


def ann_recall(found: npt.NDArray[np.int64], exact: npt.NDArray[np.int64], k: int) -> float:
    """ANN recall@k: share of the exact top k that an approximate search returned, mean over queries.

    Args:
        found: (queries, ≥ k) rows returned, best first; -1 where nothing was found. Only the first k count.
        exact: (queries, ≥ k) rows of the exact search, best first; -1 behind the last row when fewer than k
            exist, which then are not asked for.
        k: Cut-off.

    Raises:
        EvaluationError: Different numbers of queries, none, or lists shorter than k.
    """
    if len(found) != len(exact) or not len(exact):
        raise EvaluationError(f"ANN recall needs as many found as exact lists: {len(found)}, {len(exact)}")
    if not 1 <= k <= min(found.shape[1], exact.shape[1]):
        raise EvaluationError(f"ANN recall@{k} needs lists of {k}, got {found.shape[1]}, {exact.shape[1]}")
    shares = []
    for returned, wanted in zip(found[:, :k], exact[:, :k], strict=True):
        wanted = wanted[wanted >= 0]
        shares.append(np.isin(wanted, returned).mean() if len(wanted) else 1.0)
    return float(np.mean(shares))


def _checked(ranks: Ranks) -> Ranks:
    if not len(ranks):
        raise EvaluationError("no query to measure")
    if ranks.min() < 1:
        raise EvaluationError(f"ranks start at 1, got {ranks.min()}")
    return ranks
