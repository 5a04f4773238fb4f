"""Tests of significance against scipy's, and against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tusou.errors import EvaluationError
from tusou.evaluation.significance import bootstrap_interval, holm, randomization_test


def test_all_exchanges_of_three_queries() -> None:
    # differences .1 .2 .3: of the 8 sums only +.6 and -.6 are as extreme
    assert randomization_test(np.array([0.1, 0.2, 0.3]), np.zeros(3)) == 2 / 8
    assert randomization_test(np.array([0.1, 0.2, 0.3]), np.zeros(3), alternative="less") == 1.0
    assert randomization_test(np.zeros(3), np.array([0.1, 0.2, 0.3]), alternative="less") == 1 / 8


@pytest.mark.parametrize("n", [9, 60])
def test_agrees_with_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    first, second = rng.random(n), rng.random(n) * 0.85
    expected = stats.permutation_test(
        (first, second),
        lambda a, b, axis=-1: (a - b).mean(axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    )
    assert randomization_test(first, second) == pytest.approx(expected.pvalue, abs=0.01)


def test_equal_systems_do_not_differ() -> None:
    values = np.linspace(0, 1, 40)
    assert randomization_test(values, values) == 1.0


def test_the_seed_settles_the_draw() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(50), rng.random(50)
    assert randomization_test(first, second) == randomization_test(first, second)
    assert 0 < randomization_test(first + 5, second) <= 1 / 20_000


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(5)
    alarms = sum(
        randomization_test(rng.random(30), rng.random(30), rounds=400, seed=i) <= 0.1 for i in range(300)
    )
    assert 12 <= alarms <= 50  # 30 expected; 4 standard deviations are 21


def test_holm_by_hand() -> None:
    # sorted: .01 x 4, .02 x 3, .03 x 2, .5 x 1, never falling
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(2).beta(2, 3, size=80)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert bootstrap_interval(values) == pytest.approx((expected.low, expected.high), abs=0.003)
    low, high = bootstrap_interval(values, level=0.5)
    assert expected.low < low < values.mean() < high < expected.high


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [([0.1], [0.1, 0.2], "same queries"), ([], [], "no query"), ([np.nan], [0.0], "finite")],
)
def test_what_cannot_be_tested_is_refused(first: list[float], second: list[float], problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem):
        randomization_test(np.array(first), np.array(second))
    with pytest.raises(EvaluationError, match="level"):
        bootstrap_interval(np.ones(3), level=1.0)
