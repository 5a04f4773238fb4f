"""The cascade models: by hand, recovered from what they generate, better than rates on their own logs."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.feedback.dependent_clicks import DependentClickModel, perplexity
from tusou.feedback.simulate import CLICK_CHANCE, cascade_clicks

K = 8


def logs(seed: int, n: int, read_on: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grades of 20 images, shown lists of K of them, clicks."""
    rng = np.random.default_rng(seed)
    grades = np.random.default_rng(0).integers(0, 3, 20)
    shown = rng.permuted(np.tile(np.arange(20), (n, 1)), axis=1)[:, :K]
    return grades, shown, cascade_clicks(grades[shown], rng, read_on=read_on)


def test_a_round_worked_out_by_hand() -> None:
    """One list with a click at rank 2 of 3, one without: only what follows the click is in doubt."""
    shown = np.array([[0, 1, 2], [1, 0, -1]])
    clicks = np.array([[0, 1, 0], [0, 0, 0]], bool)
    start = 1 / 4  # one click on the four places that were surely read
    on = 0.5 * (1 - start) / (0.5 * (1 - start) + 0.5)
    model = DependentClickModel.fit(shown, clicks, 3, rounds=1)
    overall = (1 + 1) / (4 + on + 2)
    assert np.allclose(model.attraction, (np.array([0, 1, 0]) + overall) / (np.array([2, 2, on]) + 1))
    overall = (on + 1) / (1 + 2)
    assert np.allclose(model.read_on, (np.array([0, on, 0]) + overall) / (np.array([0, 1, 0]) + 1))


def test_examination_and_clicks_worked_out_by_hand() -> None:
    model = DependentClickModel(np.array([0.5, 0.2]), np.array([0.4, 0.0, 1.0]))
    shown = np.array([[0, 1, -1]])
    reached = [1.0, 1 - 0.5 * 0.6, (1 - 0.5 * 0.6) * (1 - 0.2 * 1.0)]
    assert np.allclose(model.examination(shown), [reached])
    assert np.allclose(model.click_chances(shown), [[0.5, reached[1] * 0.2, 0.0]])


@pytest.mark.parametrize("read_on", [0.0, 0.3, 0.6, 0.9])
def test_what_people_want_and_their_patience_are_recovered(read_on: float) -> None:
    grades, shown, clicks = logs(1, 20_000, read_on)
    model = DependentClickModel.fit(shown, clicks, 20)
    assert np.allclose(model.attraction, np.array(CLICK_CHANCE)[grades], atol=0.03)
    assert np.allclose(model.read_on[:-1], read_on, atol=0.08)  # what follows the last place is never seen


@pytest.mark.parametrize("read_on", [0.0, 0.6])
def test_new_cascade_clicks_surprise_it_less_than_they_surprise_rates_by_image(read_on: float) -> None:
    grades, shown, clicks = logs(2, 20_000, read_on)
    model = DependentClickModel.fit(shown, clicks, 20)
    _, later, happened = logs(3, 20_000, read_on)
    rates = np.array([clicks[shown == image].mean() for image in range(20)])
    truth = DependentClickModel(np.array(CLICK_CHANCE)[grades], np.full(K, read_on))
    found = perplexity(model.click_chances(later), happened)
    assert found < perplexity(rates[later], happened)
    assert found < 1.005 * perplexity(truth.click_chances(later), happened)


def test_perplexity_of_a_coin_is_two_and_of_an_oracle_one() -> None:
    clicks = np.array([[True, False]])
    assert perplexity(np.full((1, 2), 0.5), clicks) == pytest.approx(2.0)
    assert perplexity(clicks.astype(float), clicks) == pytest.approx(1.0)
