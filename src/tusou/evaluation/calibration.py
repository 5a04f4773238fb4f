"""Is a probability honest, and does it know when there is no answer?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


def auroc(positives: Values, negatives: Values) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann and Whitney 1947).

    Args:
        positives: (n,) scores, n > 0.
        negatives: (m,) scores, m > 0.
    """
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left")
    not_above = np.searchsorted(ordered, positives, "right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def calibration_error(probabilities: Values, truths: Truths, bins: int = 10) -> float:
    """Expected calibration error: mean distance of said and seen probability over equal-width bins.

    Bins weigh by how many they hold (Naeini, Cooper, Hauskrecht, AAAI 2015).

    Args:
        probabilities: (n,) 0 to 1, n > 0.
        truths: (n,).
        bins: Their number.
    """
    bin_of = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    said = np.bincount(bin_of, probabilities, bins)
    seen = np.bincount(bin_of, truths.astype(np.float64), bins)
    return float(np.abs(said - seen).sum() / len(probabilities))


def precision_coverage(answerable: Values, unanswerable: Values) -> list[tuple[float, float, float]]:
    """What refusing the least certain queries buys, one point per confidence.

    Args:
        answerable: (n,) confidence in queries that have an answer.
        unanswerable: (m,) confidence in queries that have none.

    Returns:
        (threshold, share of all queries answered, share of the answered that have an answer), from all
        queries answered down.
    """
    points = []
    for threshold in np.unique(np.concatenate([answerable, unanswerable])):
        kept, wrong = int((answerable >= threshold).sum()), int((unanswerable >= threshold).sum())
        share = (kept + wrong) / (len(answerable) + len(unanswerable))
        points.append((float(threshold), share, kept / (kept + wrong)))
    return points
