"""Examination is recovered from simulated logs, and puts right what raw click rates get wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.feedback.attraction import attraction, beta_posterior, inverse_propensities
from tusou.feedback.examination import (
    Examination,
    PositionModel,
    fit_position_model,
    fit_swaps,
    informative,
    prior_examination,
)
from tusou.feedback.simulate import examined_clicks, rank_examination
from tusou.feedback.tallies import Ints, Tallies


def grid_cells(rows: int, columns: int) -> Ints:
    return np.array([(r, c, columns) for r in range(1, rows + 1) for c in range(1, columns + 1)])


def tally(image: Ints, cell: Ints, clicks: np.ndarray, cells: Ints, text: Ints | None = None) -> Tallies:
    """Tallies of single impressions."""
    text = np.zeros(len(image), np.int64) if text is None else text
    keys, inverse = np.unique(np.stack([text, image, cell], 1), axis=0, return_inverse=True)
    texts, images = ([str(i) for i in range(each.max() + 1)] for each in (text, image))
    n = np.bincount(inverse.ravel()).astype(np.float64)
    k = np.bincount(inverse.ravel(), clicks.astype(np.float64)).astype(np.float64)
    return Tallies(texts, images, cells, keys[:, 0], keys[:, 1], keys[:, 2], n, k, np.zeros(len(n)))


def shuffled_near(rng: np.random.Generator, lists: int, k: int, swaps: int) -> Ints:
    """(lists, k) orders in which neighbours changed places a few times."""
    order = np.tile(np.arange(k), (lists, 1))
    rows = np.arange(lists)
    for _ in range(swaps):
        at = rng.integers(0, k - 1, lists)
        order[rows, at], order[rows, at + 1] = order[rows, at + 1], order[rows, at].copy()
    return order


@pytest.mark.parametrize("eta", [0.5, 1.0, 2.0])
def test_em_recovers_how_attention_falls_with_the_rank(eta: float) -> None:
    """The better images stand on top, so raw click rates by rank exaggerate; swaps let EM see through it."""
    rng = np.random.default_rng(0)
    queries, lists, k = 40, 800, 6
    truth = rank_examination(k, eta)
    chances = np.sort(rng.uniform(0.05, 0.9, (queries, k)))[:, ::-1]
    text = np.repeat(np.arange(queries), lists)
    order = shuffled_near(rng, queries * lists, k, 4)
    clicks = examined_clicks(chances[text[:, None], order], truth, rng)
    cells = np.stack([np.arange(1, k + 1), np.ones(k, int), np.ones(k, int)], axis=1)
    tallies = tally(
        order.ravel() + k * text.repeat(k), np.tile(np.arange(k), len(text)), clicks.ravel(), cells,
        text.repeat(k),
    )  # fmt: skip
    estimated = Examination.estimate(tallies)
    assert np.allclose(estimated.of(cells), truth, atol=0.04)
    raw = clicks.mean(0) / clicks.mean(0)[0]
    assert np.abs(raw - truth).max() > 2 * np.abs(estimated.chances - truth).max()


def test_em_recovers_a_grid_where_the_middle_column_is_looked_at_most() -> None:
    rng = np.random.default_rng(1)
    cells = grid_cells(3, 5)
    truth = np.outer([1, 0.6, 0.3], [0.7, 0.9, 1.0, 0.8, 0.5]).ravel()
    lists, k = 20_000, len(cells)
    order = rng.permuted(np.tile(np.arange(k), (lists, 1)), axis=1)
    chances = rng.uniform(0.1, 0.8, k)
    clicks = examined_clicks(chances[order], truth, rng)
    tallies = tally(order.ravel(), np.tile(np.arange(k), lists), clicks.ravel(), cells)
    assert np.allclose(Examination.estimate(tallies).of(cells), truth, atol=0.05)


def test_without_an_image_in_two_places_the_prior_stays() -> None:
    cells = grid_cells(2, 1)
    tallies = tally(np.array([0, 1] * 500), np.array([0, 1] * 500), np.array([1.0, 0.0] * 500), cells)
    assert len(informative(tallies)[0]) == 0
    assert np.array_equal(Examination.estimate(tallies).of(cells), prior_examination(cells))


def test_an_empty_log_gives_the_prior() -> None:
    nothing = np.empty(0, np.int64)
    empty = Tallies([], [], np.empty((0, 3), np.int64), nothing, nothing, nothing, *np.empty((3, 0)))
    cells = np.array([[1, 1, 4], [2, 3, 4], [9, 1, 1]])
    assert np.allclose(Examination.estimate(empty).of(cells), [1, 1 / 2, 1 / 9])


def test_no_click_weighs_more_than_ten() -> None:
    cells = grid_cells(3, 1)
    found = Examination(cells, np.array([1.0, 0.3, 0.001]), np.ones(3)).counted(cells)
    assert found.tolist() == [1.0, 0.3, 0.1]


def test_a_step_of_em_is_the_formula() -> None:
    """One pair in two cells, worked out from the definitions: Bayes for who looked, then shares."""
    n, clicks, prior = np.array([10.0, 10.0]), np.array([4.0, 1.0]), np.array([1.0, 0.5])
    model = PositionModel(np.array([0, 0]), np.array([0, 1]), n, clicks, prior)
    start = model.start()
    assert start.tolist() == [0.5, 0.25, 0.5]  # the attraction, (5 + 1) / (5 + 2.5 + 2), is above a half
    theta, mean = start[:2], start[2]
    looked = clicks + (n - clicks) * theta * (1 - mean) / (1 - theta * mean)
    attracted = clicks + (n - clicks) * mean * (1 - theta) / (1 - theta * mean)
    scale = (10 * 0.5 + 10 * 0.25 + 1) / (10 + 5 + 1)
    mean = (20 * 0.5 + 1) / (20 + 2)
    expected = [*(looked + 20 * scale * prior) / 30, (attracted.sum() + mean) / 21]
    assert np.allclose(model.step(start), expected)


def test_rounds_reach_what_many_plain_steps_reach() -> None:
    rng = np.random.default_rng(4)
    pair, cell = np.repeat(np.arange(30), 4), np.tile(np.arange(4), 30)
    n = np.full(120, 500.0)
    chances = rank_examination(4, 1.0)[cell] * rng.uniform(0.1, 0.9, 30)[pair]
    clicks = rng.binomial(500, chances).astype(np.float64)
    prior = np.full(4, 0.5)
    model = PositionModel(pair, cell, n, clicks, prior)
    plain = model.start()
    for _ in range(5000):
        plain = model.step(plain)
    found, _ = fit_position_model(pair, cell, n, clicks, prior=prior)
    assert np.allclose(found, plain[:4] / plain[:4].max(), atol=0.01)


def test_swaps_recover_examination_without_any_model_of_images() -> None:
    rng = np.random.default_rng(2)
    truth = np.array([1.0, 0.7, 0.35, 0.2])
    cells = np.array([[0, 1], [1, 2], [2, 3]])
    n = 50_000.0
    attract = rng.uniform(0.2, 0.6, (3, 1))  # both places see the same images, whatever they are
    clicks = rng.binomial(int(n), truth[cells] * attract).astype(float)
    found = fit_swaps(cells, clicks, np.full((3, 2), n), 5)
    assert np.allclose(found[:4], truth, atol=0.03)
    assert np.isnan(found[4])  # no swap touched it


def test_cells_that_no_chain_of_swaps_joins_are_unknown() -> None:
    cells = np.array([[0, 1], [2, 3]])
    found = fit_swaps(cells, np.full((2, 2), 50.0), np.array([[900.0, 900.0], [100.0, 100.0]]), 4)
    assert np.allclose(found[:2], 1.0)
    assert np.isnan(found[2:]).all()


def test_debiased_rates_order_images_where_raw_rates_are_wrong() -> None:
    """A poor image always on top gets more clicks per impression than a good one always in the fourth row."""
    rng = np.random.default_rng(3)
    truth, n = rank_examination(4, 1.0), 4000
    chances = np.array([0.2, 0.25, 0.3, 0.6])  # worst first
    clicks = examined_clicks(np.tile(chances, (n, 1)), truth, rng).sum(0).astype(float)
    raw = clicks / n
    assert raw[0] > raw[3]
    estimated = attraction(clicks, n * truth, np.full(4, 0.2))
    assert estimated.argsort().tolist() == [0, 1, 2, 3]
    assert np.allclose(estimated, chances, atol=0.04)


def test_attraction_is_its_formula_and_starts_at_the_prior() -> None:
    clicks, examined = np.array([0.0, 3.0, 0.0]), np.array([0.0, 20.0, 500.0])
    prior = np.array([0.7, 0.1, 0.7])
    found = attraction(clicks, examined, prior)
    assert np.allclose(found, [0.7, (10 * 0.1 + 3) / 30, 7 / 510])
    alpha, beta = beta_posterior(clicks, examined, prior)
    assert np.allclose(alpha / (alpha + beta), found, atol=1e-6)


def test_more_clicks_than_expected_examinations_stay_a_distribution() -> None:
    alpha, beta = beta_posterior(np.array([9.0]), np.array([2.0]), np.array([1.0]))
    assert alpha > 0
    assert beta > 0


def test_inverse_propensities_are_cut_off_and_checked() -> None:
    assert inverse_propensities(np.array([1.0, 0.5, 0.01])).tolist() == [1.0, 2.0, 10.0]
    for wrong in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            inverse_propensities(np.array([wrong]))
