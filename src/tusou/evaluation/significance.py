"""Is a difference between two systems more than chance? Paired tests over queries, and intervals of means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tusou.errors import EvaluationError

Values = npt.NDArray[np.float64]
"""(queries,) value of one measure for each query."""

Alternative = Literal["two-sided", "less"]

EXACT_QUERIES = 13
"""Up to so many queries that differ, all 2^n exchanges are looked at instead of a sample."""

ROUNDS = 20_000
SEED = 7
_BLOCK = 500


def randomization_test(
    first: Values,
    second: Values,
    *,
    alternative: Alternative = "two-sided",
    rounds: int = ROUNDS,
    seed: int = SEED,
) -> float:
    """Paired randomisation test of the mean difference (Fisher; Smucker, Allan, Carterette, CIKM 2007).

    Under the null hypothesis the two systems are exchangeable in every query, so signs of differences are
    drawn at random. With few queries every choice of signs is tried and the probability is exact; otherwise
    it is (1 + choices at least as extreme) / (1 + rounds), so it is never 0.

    Args:
        first: Values of one system.
        second: Values of the other, the same queries in the same order.
        alternative: ``two-sided``, or ``less``: is the mean of ``first`` below that of ``second``?
        rounds: Choices drawn when there are too many to try all.
        seed: Of the draw.

    Returns:
        Probability of a mean difference at least as extreme, 0 to 1.

    Raises:
        EvaluationError: No query, different numbers of them, or a value that is not finite.
    """
    differences = _paired(first, second)
    differing = differences[differences != 0]
    if not len(differing):
        return 1.0
    exact = len(differing) <= EXACT_QUERIES
    observed, extreme, drawn = float(differing.sum()), 0, 0
    tolerance = 1e-12 * float(np.abs(differing).sum())  # a sum in another order is the same sum
    for signs in _all_signs(len(differing)) if exact else _random_signs(len(differing), rounds, seed):
        sums = signs @ differing
        if alternative == "less":
            extreme += int((sums <= observed + tolerance).sum())
        else:
            extreme += int((np.abs(sums) >= abs(observed) - tolerance).sum())
        drawn += len(sums)
    return extreme / drawn if exact else (extreme + 1) / (drawn + 1)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Adjust for several comparisons (Holm, Scandinavian Journal of Statistics 1979).

    Args:
        probabilities: One of each comparison, 0 to 1.

    Returns:
        Adjusted ones in the same order: below alpha means rejected with a family-wise error of at most alpha.
    """
    adjusted, largest = [0.0] * len(probabilities), 0.0
    for place, i in enumerate(sorted(range(len(probabilities)), key=lambda i: probabilities[i])):
        largest = max(largest, min(1.0, (len(probabilities) - place) * probabilities[i]))
        adjusted[i] = largest
    return adjusted


def bootstrap_interval(
    values: Values, *, level: float = 0.95, rounds: int = ROUNDS, seed: int = SEED
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean over queries (Efron 1979).

    Args:
        values: One value per query, or differences of two systems.
        level: Share of resampled means inside, 0 to 1.
        rounds: Resamples.
        seed: Of the resampling.

    Returns:
        Lower and upper end.

    Raises:
        EvaluationError: No query, a value that is not finite, or a level outside 0 to 1.
    """
    if not 0 < level < 1:
        raise EvaluationError(f"the level of an interval lies between 0 and 1, got {level}")
    checked = _finite(values)
    rng = np.random.default_rng(seed)
    means = [
        checked[rng.integers(len(checked), size=(min(_BLOCK, rounds - start), len(checked)))].mean(axis=1)
        for start in range(0, rounds, _BLOCK)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _paired(first: Values, second: Values) -> Values:
    if len(first) != len(second):
        raise EvaluationError(
            f"a paired test needs the same queries of both systems, got {len(first)} and {len(second)}",
            reason="not_paired",
        )
    return _finite(first) - _finite(second)


def _finite(values: Values) -> Values:
    checked = np.asarray(values, np.float64)
    if not len(checked):
        raise EvaluationError("no query to test", reason="no_queries")
    if not np.isfinite(checked).all():
        raise EvaluationError("a measure is not a finite number", reason="bad_value")
    return checked


def _all_signs(count: int) -> Iterator[Values]:
    numbers = np.arange(2**count)[:, None]
    yield np.where(numbers >> np.arange(count) & 1, 1.0, -1.0)


def _random_signs(count: int, rounds: int, seed: int) -> Iterator[Values]:
    rng = np.random.default_rng(seed)
    for start in range(0, rounds, _BLOCK):
        yield rng.choice([-1.0, 1.0], size=(min(_BLOCK, rounds - start), count))
