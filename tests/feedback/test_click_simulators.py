"""Simulated clicks follow the formulas of their models."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.feedback.simulate import (
    CLICK_CHANCE,
    SIMULATORS,
    Simulator,
    attraction,
    cascade_clicks,
    position_clicks,
    rank_examination,
    trust_clicks,
    zipf_queries,
)

N = 200_000
LIST = np.array([2, 0, 1, 0, 2, -1])
GRADES = np.tile(LIST, (N, 1))
A = attraction(LIST[None])[0]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def assert_rates(clicks: np.ndarray, expected: np.ndarray) -> None:
    """Click rates lie within five standard errors of the expected chances."""
    error = np.sqrt(expected * (1 - expected) / len(clicks))
    assert np.all(np.abs(clicks.mean(0) - expected) <= 5 * error)


@pytest.mark.parametrize("eta", [0.5, 1.0, 2.0])
def test_position_clicks_are_attraction_times_examination(eta: float) -> None:
    assert_rates(position_clicks(GRADES, rng(), eta=eta), A * np.arange(1, 7) ** -eta)


def test_cascade_clicks_match_the_recursion_worked_out_by_hand() -> None:
    """P(examine k+1) = P(examine k) (1 - a_k (1 - read_on))."""
    expected, examined = [], 1.0
    for chance in A:
        expected.append(examined * chance)
        examined *= 1 - chance * (1 - 0.6)
    assert_rates(cascade_clicks(GRADES, rng(), read_on=0.6), np.array(expected))


def test_a_pure_cascade_has_one_click_at_most_and_none_below_it() -> None:
    clicks = cascade_clicks(GRADES, rng(), read_on=0.0)
    assert clicks.sum(1).max() == 1


def test_trust_adds_clicks_on_what_does_not_attract() -> None:
    ranks = np.arange(1, 7)
    expected = (A + (1 - A) * 0.3 / ranks) / ranks * (LIST >= 0)
    assert_rates(trust_clicks(GRADES, rng(), trust=0.3), expected)


@pytest.mark.parametrize("simulator", SIMULATORS.values(), ids=SIMULATORS)
def test_every_simulator_is_seeded_and_never_clicks_beyond_the_list(simulator: Simulator) -> None:
    first, again, other = (simulator(GRADES[:500], rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (500, 6)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not first[:, -1].any()


@pytest.mark.parametrize("simulator", SIMULATORS.values(), ids=SIMULATORS)
def test_quality_takes_clicks_away(simulator: Simulator) -> None:
    grades = np.full((2000, 3), 2)
    quality = np.tile([1.0, 0.0, 1.0], (2000, 1))
    if simulator is trust_clicks:  # trust clicks without being attracted
        assert simulator(grades, rng(), quality=quality)[:, 1].mean() < CLICK_CHANCE[2] / 2
    else:
        assert not simulator(grades, rng(), quality=quality)[:, 1].any()


def test_no_lists_give_no_clicks() -> None:
    assert position_clicks(np.zeros((0, 4), np.int64), rng()).shape == (0, 4)


@pytest.mark.parametrize(
    ("grades", "words"),
    [
        (np.array([[4]]), "got 4 to 4"),
        (np.array([[-2]]), "got -2"),
        (np.array([[0.5]]), "integers"),
        (np.array([1]), "integers"),
    ],
)
def test_bad_grades_are_refused(grades: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        attraction(grades)


@pytest.mark.parametrize("quality", [np.array([[1.5]]), np.array([[np.nan]]), np.ones((1, 2))])
def test_bad_quality_is_refused(quality: np.ndarray) -> None:
    with pytest.raises(ValueError, match="quality must be 0 to 1"):
        attraction(np.array([[1]]), quality)


def test_queries_follow_zipf() -> None:
    counts = np.bincount(zipf_queries(5, N, rng()), minlength=5)
    expected = rank_examination(5, 1.0) / rank_examination(5, 1.0).sum()
    assert np.all(np.abs(counts / N - expected) < 5 * np.sqrt(expected / N))
