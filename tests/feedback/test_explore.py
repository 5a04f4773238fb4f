"""New images get a chance, never-chosen ones sink, nothing rises from below the floor, chance is logged."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.feedback.attraction import attraction, beta_posterior
from tusou.feedback.explore import DRAWS, SWAP_PROPENSITY, explore, swap
from tusou.feedback.simulate import examined_clicks, rank_examination

EVEN = (np.full(20, 2.0), np.full(20, 8.0))
FALLING = np.linspace(1, 0, 20)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_order_is_a_permutation_and_only_slots_are_chosen() -> None:
    for seed in range(50):
        found = explore(FALLING, EVEN, floor=0.2, rng=rng(seed))
        assert sorted(found.order) == list(range(20))
        assert found.order[:3].tolist() == [0, 1, 2]  # above the first slot nothing moves
        rest = [place for i, place in enumerate(found.order) if i not in (3, 8)]
        assert rest == sorted(rest)  # those that were not chosen keep their order
        assert set(found.propensities) == {4, 9}


def test_the_same_seed_gives_the_same_order() -> None:
    orders = {tuple(explore(FALLING, EVEN, floor=0.0, rng=rng(7)).order) for _ in range(3)}
    assert len(orders) == 1
    assert len({tuple(explore(FALLING, EVEN, floor=0.0, rng=rng(seed)).order) for seed in range(20)}) > 1


def test_nothing_below_the_floor_comes_up() -> None:
    tempting = (np.where(FALLING < 0.5, 1000.0, 1.0), np.ones(20))
    for seed in range(50):
        order = explore(FALLING, tempting, floor=0.5, rng=rng(seed)).order
        assert np.all(FALLING[order[[3, 8]]] >= 0.5)


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_short_answers_stay_as_they_are(count: int) -> None:
    posterior = (np.ones(count), np.ones(count))
    found = explore(np.ones(count), posterior, floor=0.0, rng=rng())
    assert (found.order.tolist(), found.propensities) == (list(range(count)), {})


def test_propensities_are_the_chances_with_which_images_come_up() -> None:
    alpha, beta = np.array([1.0, 1, 1, 9, 5, 3]), np.array([9.0, 9, 9, 9, 9, 9])
    logged: dict[int, list[float]] = {}
    for seed in range(3000):
        found = explore(np.ones(6), (alpha, beta), floor=0.0, rng=rng(seed), slots=(4,))
        logged.setdefault(int(found.order[3]), []).append(found.propensities[4])
    happened = {image: len(values) / 3000 for image, values in logged.items()}
    assert set(happened) == {3, 4, 5}
    for image, values in logged.items():
        # The deciding draw is one of the DRAWS + 1 that are counted.
        expected = (1 + DRAWS * happened[image]) / (DRAWS + 1)
        assert np.mean(values) == pytest.approx(expected, abs=0.03)
        assert SWAP_PROPENSITY not in values


def live(seed: int, *, exploring: bool) -> np.ndarray:
    """People search one query again and again; the ranking follows their clicks. Returns the last order.

    Image 0 looks best and nobody wants it; image 25 is new, wanted by everybody, and believed no better than
    those around it.
    """
    chance, n, page = rng(seed), 30, 10
    truth = np.full(n, 0.35)
    truth[0], truth[25] = 0.0, 0.7
    prior = np.linspace(0.35, 0.2, n)
    examination = rank_examination(page, 0.5)
    clicks, examined = np.zeros(n), np.zeros(n)
    for _ in range(1500):
        order = np.argsort(-attraction(clicks, examined, prior), kind="stable")
        if exploring:
            posterior = beta_posterior(clicks, examined, prior)
            found = explore(prior[order], (posterior[0][order], posterior[1][order]), floor=0.1, rng=chance)
            order = order[found.order]
        shown = order[:page]
        clicks[shown] += examined_clicks(truth[shown][None], examination, chance)[0]
        examined[shown] += examination
    return np.argsort(-attraction(clicks, examined, prior), kind="stable")


@pytest.mark.parametrize("seed", [0, 1])
def test_never_chosen_images_sink_and_new_ones_get_a_chance(seed: int) -> None:
    last = live(seed, exploring=True)
    assert last[0] == 25
    assert np.flatnonzero(last == 0)[0] >= 10  # off the page


@pytest.mark.parametrize("seed", [0, 1])
def test_without_exploration_the_new_image_is_never_found(seed: int) -> None:
    assert np.flatnonzero(live(seed, exploring=False) == 25)[0] >= 10


def test_swaps_are_fair_and_logged_whether_they_happen_or_not() -> None:
    found = [swap(6, rng=rng(seed), distances=(1, 3)) for seed in range(2000)]
    swapped = [each.order.tolist() != list(range(6)) for each in found]
    assert np.mean(swapped) == pytest.approx(0.5, abs=0.05)
    pairs = {tuple(each.propensities) for each in found}
    assert pairs == {(i, i + 1) for i in range(1, 6)} | {(i, i + 3) for i in range(1, 4)}
    for each in found:
        first, second = each.propensities
        expected = np.arange(6)
        if each.order[first - 1] != first - 1:
            expected[[first - 1, second - 1]] = expected[[second - 1, first - 1]]
        assert each.order.tolist() == expected.tolist()
        assert set(each.propensities.values()) == {SWAP_PROPENSITY}


def test_a_page_too_short_to_swap_stays() -> None:
    assert swap(3, rng=rng(), distances=(5,)).propensities == {}
