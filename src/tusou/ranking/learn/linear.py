"""Pairwise logistic regression: a weight for each feature, not negative where more can only help an image.

The loss of a pair of one query, graded g_i > g_j, is log(1 + exp(-(s_i - s_j))) (RankNet with a linear model:
Burges et al., ICML 2005); a query's pairs share one unit of weight, so that long lists do not outvote short
ones. Features are standardised, unknown values stand at the mean and so add nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.errors import RankerError
from tusou.ranking.base import Parts, Scores
from tusou.ranking.features import FeatureTable
from tusou.ranking.learn.data import Features, JudgedCandidates, folds

RIDGES = (0.1, 0.01, 0.001, 0.0001)
"""Penalties of the squared weights beside the mean loss of a query; one is chosen by cross-validation. The
demo searches want a strong one, a hundred queries over poor keywords a weak one (0007)."""

FOLDS = 4

PAIRS = 400
"""Pairs drawn from a query that has more."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearRanker:
    """Ranks by a weighted sum of standardised features; implements ``ranking.base.Ranker``.

    Attributes:
        names: (m,) features.
        means: (m,) of the known training values.
        scales: (m,) their standard deviations; 1 for a constant feature.
        weights: (m,) of the standardised features.
    """

    names: tuple[str, ...]
    means: Values
    scales: Values
    weights: Values
    name = "linear"

    def rank(self, features: FeatureTable) -> Scores:
        """Score every candidate."""
        normalized = self.normalized(features.columns(self.names).astype(np.float64))
        return Scores(
            self.names,
            normalized @ self.weights,
            lambda i: Parts(normalized[i], self.weights, normalized[i] * self.weights),
        )

    def scores(self, features: Features) -> Values:
        """(n,) scores of (n, m) features."""
        found: Values = self.normalized(features) @ self.weights
        return found

    def normalized(self, features: Features) -> Values:
        """(n, m) standardised features, unknown ones 0."""
        return np.nan_to_num((features - self.means) / self.scales, nan=0.0)


def fit_linear(
    data: JudgedCandidates,
    directions: Mapping[str, int] | None = None,
    *,
    ridge: float | None = None,
    seed: int = 0,
) -> LinearRanker:
    """Fit the weights.

    Args:
        data: Judged candidates; at least one query with two different grades.
        directions: Feature to 1 when its weight must not be negative; others are free.
        ridge: Penalty of the squared weights; of RIDGES the one with the least loss on queries held out when
            None.
        seed: Draws pairs of long lists, and deals queries out.

    Raises:
        RankerError: No query tells two candidates apart, or the fit fails.
    """
    if ridge is None:
        ridge = _choose_ridge(data, directions, seed)
    return _fit(data, directions, ridge, seed)


def _choose_ridge(data: JudgedCandidates, directions: Mapping[str, int] | None, seed: int) -> float:
    """The penalty whose weights order held-out queries best, by their loss; the strongest of equals."""
    queries = np.unique(data.queries)
    if len(queries) < FOLDS:
        return RIDGES[0]
    losses = dict.fromkeys(RIDGES, 0.0)
    for held in folds(queries, FOLDS, seed):
        try:
            fitted_to, judged = data.of_queries(np.setdiff1d(queries, held)), data.of_queries(held)
            for ridge in RIDGES:
                losses[ridge] += len(held) * _loss(_fit(fitted_to, directions, ridge, seed), judged, seed)
        except RankerError:  # a part in which no query tells two images apart
            continue
    return min(RIDGES, key=lambda ridge: losses[ridge])


def _loss(ranker: LinearRanker, data: JudgedCandidates, seed: int) -> float:
    """Mean loss of a query's pairs."""
    differences, shares = _pairs(data, ranker.normalized(data.features), seed)
    return float(shares @ np.logaddexp(0.0, -(differences @ ranker.weights)))


def _fit(
    data: JudgedCandidates, directions: Mapping[str, int] | None, ridge: float, seed: int
) -> LinearRanker:
    from scipy.optimize import Bounds, minimize

    means, scales = _standard(data.features)
    blank = LinearRanker(data.names, means, scales, np.zeros(len(data.names)))
    differences, shares = _pairs(data, blank.normalized(data.features), seed)
    lowest = [0.0 if (directions or {}).get(name) == 1 else -np.inf for name in data.names]

    def loss(weights: Values) -> tuple[float, Values]:
        margins = differences @ weights
        chances = _sigmoid(-margins)
        value = float(shares @ np.logaddexp(0.0, -margins)) + ridge * float(weights @ weights)
        return value, -(differences.T @ (shares * chances)) + 2 * ridge * weights

    found = minimize(loss, np.zeros(len(data.names)), jac=True, method="L-BFGS-B", bounds=Bounds(lowest))
    if not found.success or not np.isfinite(found.x).all():
        raise RankerError(f"the weights do not settle: {found.message}", reason="fit_failed")
    return LinearRanker(data.names, means, scales, found.x)


def _standard(features: Features) -> tuple[Values, Values]:
    """Mean and standard deviation of the known values of each feature; 0 and 1 where none is known."""
    known = ~np.isnan(features)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, features, 0.0).sum(axis=0) / counts
    spreads = np.sqrt(np.where(known, (features - means) ** 2, 0.0).sum(axis=0) / counts)
    return means, np.where(spreads > 1e-12, spreads, 1.0)


def _pairs(data: JudgedCandidates, normalized: Values, seed: int) -> tuple[Values, Values]:
    """(pairs, m) differences better minus worse, and each pair's share of the loss."""
    rng = np.random.default_rng(seed)
    differences: list[Values] = []
    for rows in data.each_query():
        better, worse = np.nonzero(data.grades[rows, None] > data.grades[None, rows])
        if len(better) > PAIRS:
            drawn = rng.choice(len(better), PAIRS, replace=False)
            better, worse = better[drawn], worse[drawn]
        if len(better):
            differences.append(normalized[rows][better] - normalized[rows][worse])
    if not differences:
        raise RankerError(
            "no query has two images of different grades, so there is nothing to learn an order from: judge "
            "more images, also those that are not relevant",
            reason="nothing_to_learn",
        )
    shares: Sequence[Values] = [np.full(len(part), 1 / len(part)) for part in differences]
    return np.concatenate(differences), np.concatenate(shares) / len(differences)


def _sigmoid(values: Values) -> Values:
    from scipy.special import expit

    chances: Values = expit(values)
    return chances
