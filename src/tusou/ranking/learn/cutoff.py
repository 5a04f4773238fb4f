"""Fit a cut-off to judged queries, and measure one on queries it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tusou.errors import RankerError
from tusou.evaluation.calibration import auroc, calibration_error, precision_coverage
from tusou.ranking.bank import ImageBank
from tusou.ranking.cutoff import INPUTS, Cutoff, Values
from tusou.ranking.learn.data import folds

REFUSALS = 0.05
"""Largest share of answerable queries that may be told that nothing matches."""

FOLDS = 5
RIDGE = 1e-6
FEWEST_QUERIES = 20
"""Answerable queries a threshold needs: one refusal of 20 is 5 %."""


@dataclass(frozen=True, eq=False)
class CutoffQuery:
    """What a cut-off sees of one judged query.

    Attributes:
        query_id: Its name in the judgments.
        inputs: (n, 2) INPUTS of its candidates.
        relevant: (n,) whether each is relevant; nobody's judgment counts as not.
        inputs_without: (m, 2) of its candidates in a library without its relevant images.
    """

    query_id: str
    inputs: Values
    relevant: np.ndarray
    inputs_without: Values

    @property
    def answerable(self) -> bool:
        """Whether any candidate is relevant."""
        return bool(self.relevant.any())


@dataclass(frozen=True)
class CutoffReport:
    """What a cut-off is worth.

    Attributes:
        queries: Judged queries.
        answerable: Those with a relevant candidate.
        candidates: (query, image) pairs.
        auroc: Chance that the best candidate of an answerable query is more probable than that of a query
            whose relevant images are missing.
        calibration_error: Over all pairs, see ``evaluation.calibration``.
        calibration_error_likely: Over the pairs of probability 0.1 and more: the many unlikely ones hide the
            others in a mean.
        refused: Share of the answerable queries refused.
        refused_without: Share refused of the queries whose relevant images are missing.
        precision: Share of the relevant set that is relevant, mean over queries with one.
        recall: Share of the relevant candidates in the relevant set, mean over answerable queries.
        size: Median size of the relevant set.
        curve: See ``evaluation.calibration.precision_coverage``.
    """

    queries: int
    answerable: int
    candidates: int
    auroc: float
    calibration_error: float
    calibration_error_likely: float
    refused: float
    refused_without: float
    precision: float
    recall: float
    size: float
    curve: tuple[tuple[float, float, float], ...]


def fit_cutoff(queries: Sequence[CutoffQuery], bank: ImageBank, seed: int = 0) -> Cutoff:
    """Fit weights, calibration and threshold.

    The calibration and the threshold are fitted to scores of queries the weights were not fitted to.

    Args:
        queries: Judged queries.
        bank: What the inputs were standardised over.
        seed: Deals the queries out.

    Raises:
        RankerError: Fewer than FEWEST_QUERIES queries have a relevant candidate (``too_few_queries``).
    """
    _check(queries)
    scores: list[Values] = [np.empty(0)] * len(queries)
    for held in folds(np.arange(len(queries)), FOLDS, seed):
        weights = _fit_weights([queries[i] for i in np.setdiff1d(np.arange(len(queries)), held)])
        for i in held:
            scores[i] = queries[i].inputs @ weights
    knots, probabilities = _isotonic(
        np.concatenate(scores), np.concatenate([query.relevant for query in queries])
    )
    best = [
        np.interp(found, knots, probabilities).max()
        for query, found in zip(queries, scores, strict=True)
        if query.answerable
    ]
    threshold = float(np.sort(best)[int(REFUSALS * len(best))])
    return Cutoff(bank, _fit_weights(queries), knots, probabilities, threshold)


def cross_validate_cutoff(queries: Sequence[CutoffQuery], bank: ImageBank, seed: int = 0) -> CutoffReport:
    """Measure cut-offs on queries they were not fitted to, every query once.

    Raises:
        RankerError: Too few answerable queries.
    """
    _check(queries)
    parts = []
    for held in folds(np.arange(len(queries)), FOLDS, seed):
        cutoff = fit_cutoff([queries[i] for i in np.setdiff1d(np.arange(len(queries)), held)], bank, seed)
        parts += [_Measured.of(cutoff, queries[i]) for i in held]
    return _report(parts)


def measure_cutoff(cutoff: Cutoff, queries: Sequence[CutoffQuery]) -> CutoffReport:
    """Measure one cut-off; honest only on queries it was not fitted to.

    Raises:
        RankerError: Too few answerable queries.
    """
    _check(queries)
    return _report([_Measured.of(cutoff, query) for query in queries])


@dataclass(frozen=True, eq=False)
class _Measured:
    """One query under a cut-off that was not fitted to it."""

    probabilities: Values
    relevant: np.ndarray
    best_without: float
    threshold: float

    @classmethod
    def of(cls, cutoff: Cutoff, query: CutoffQuery) -> _Measured:
        without = cutoff.probability(query.inputs_without).max(initial=0.0)
        return cls(cutoff.probability(query.inputs), query.relevant, float(without), cutoff.threshold)

    @property
    def best(self) -> float:
        return float(self.probabilities.max(initial=0.0))

    @property
    def shown(self) -> np.ndarray:
        return np.asarray(self.probabilities >= self.threshold)


def _report(parts: Sequence[_Measured]) -> CutoffReport:
    answerable = [part for part in parts if part.relevant.any()]
    best = np.array([part.best for part in answerable])
    without = np.array([part.best_without for part in parts])
    probabilities = np.concatenate([part.probabilities for part in parts])
    relevant = np.concatenate([part.relevant for part in parts])
    likely = probabilities >= 0.1
    precisions = [part.relevant[part.shown].mean() for part in parts if part.shown.any()]
    recalls = [part.shown[part.relevant].mean() for part in answerable]
    return CutoffReport(
        queries=len(parts),
        answerable=len(answerable),
        candidates=len(probabilities),
        auroc=auroc(best, without),
        calibration_error=calibration_error(probabilities, relevant),
        calibration_error_likely=calibration_error(probabilities[likely], relevant[likely])
        if likely.any()
        else 0.0,
        refused=float(np.mean([part.best < part.threshold for part in answerable])),
        refused_without=float(np.mean([part.best_without < part.threshold for part in parts])),
        precision=float(np.mean(precisions)) if precisions else 0.0,
        recall=float(np.mean(recalls)),
        size=float(np.median([part.shown.sum() for part in parts])),
        curve=tuple(precision_coverage(best, without)),
    )


def _check(queries: Sequence[CutoffQuery]) -> None:
    answerable = sum(query.answerable for query in queries)
    if answerable < FEWEST_QUERIES:
        raise RankerError(
            f"{answerable} judged queries have a relevant candidate, a cut-off needs at least "
            f"{FEWEST_QUERIES}: judge more",
            reason="too_few_queries",
        )


def _fit_weights(queries: Sequence[CutoffQuery]) -> Values:
    """Logistic regression, weights not negative: more of either input can only speak for an image.

    The intercept is left to the isotonic calibration, which takes any rising function of the score.
    """
    from scipy.optimize import Bounds, minimize

    inputs = np.concatenate([query.inputs for query in queries])
    truths = np.concatenate([query.relevant for query in queries]).astype(np.float64)
    rows = np.column_stack([inputs, np.ones(len(inputs))])

    def loss(weights: Values) -> tuple[float, Values]:
        scores = rows @ weights
        value = float((np.logaddexp(0.0, scores) - truths * scores).mean() + RIDGE * weights @ weights)
        slope: Values = rows.T @ (_sigmoid(scores) - truths) / len(rows) + 2 * RIDGE * weights
        return value, slope

    lowest = [*[0.0] * len(INPUTS), -np.inf]
    found = minimize(loss, np.zeros(len(lowest)), jac=True, method="L-BFGS-B", bounds=Bounds(lowest))
    if not found.success or not np.isfinite(found.x).all():
        raise RankerError(f"the weights do not settle: {found.message}", reason="fit_failed")
    return np.asarray(found.x[: len(INPUTS)])


def _sigmoid(scores: Values) -> Values:
    from scipy.special import expit

    return np.asarray(expit(scores))


def _isotonic(scores: Values, relevant: np.ndarray) -> tuple[Values, Values]:
    """Knots of the rising step function nearest to the truths, one at either end of each step."""
    from scipy.optimize import isotonic_regression

    levels, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    shares = np.bincount(place, relevant.astype(np.float64)) / counts
    values = isotonic_regression(shares, weights=counts.astype(np.float64)).x
    ends = np.flatnonzero(np.diff(values))
    kept = np.unique(np.concatenate([[0], ends, ends + 1, [len(levels) - 1]]))
    return levels[kept], values[kept]
