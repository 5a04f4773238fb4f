"""A little chance in what is shown, so that new images get seen and the log can tell places from images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.feedback.tallies import Ints

Floats = npt.NDArray[np.floating]

DRAWS = 64
"""Further draws from which a propensity is counted. With the one that decides, their number is odd."""

SWAP_PROPENSITY = 0.5
"""Logged for both places of a swap; an odd number of draws never gives it, so swaps are known by it."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """A changed order and what chance had to do with it.

    Attributes:
        order: (n,) which place of the ranking, from 0, stands at each place now.
        propensities: Rank, from 1, to the chance with which the image that stands there was put there.
    """

    order: Ints
    propensities: Mapping[int, float]


def explore(
    ranking: Floats,
    posterior: tuple[Floats, Floats],
    *,
    floor: float,
    rng: np.random.Generator,
    slots: Sequence[int] = (4, 9),
    pool: int = 50,
) -> Exploration:
    """Give slots of page one to images by Thompson sampling (Chapelle and Li, NIPS 2011).

    For each slot an attraction is drawn for the image that stands there and for those below it, and the
    largest takes the slot; the others move down. So an image that is promising but little examined comes up
    now and then, one that was examined and never chosen does not.

    Args:
        ranking: (n,) relevance of the images, in ranked order.
        posterior: Two (n,) arrays, the parameters of each image's Beta distribution (see beta_posterior).
        floor: Relevance below which nothing is ever brought up.
        rng: Source of chance; seeded by the caller, the same seed gives the same order.
        slots: Ranks, from 1, ascending.
        pool: Images considered for each slot, from the slot down.

    Returns:
        The order; the propensity is counted over the deciding draw and DRAWS others.
    """
    alpha, beta = posterior
    order = np.arange(len(ranking), dtype=np.int64)
    propensities: dict[int, float] = {}
    for slot in slots:
        places = np.arange(slot - 1, min(slot - 1 + pool, len(order)))
        places = places[ranking[order[places]] >= floor]
        if len(places) < 2:
            continue
        drawn = rng.beta(alpha[order[places]], beta[order[places]], (DRAWS + 1, len(places)))
        winners = drawn.argmax(1)
        order = _raised(order, int(places[winners[0]]), slot - 1)
        propensities[slot] = float((winners == winners[0]).mean())
    return Exploration(order, propensities)


def swap(count: int, *, rng: np.random.Generator, distances: Sequence[int] = (1,)) -> Exploration:
    """Let two places of page one change by a coin; from such answers fit_swaps reads examination.

    Args:
        count: Images on page one.
        rng: Source of chance.
        distances: How far apart the two may be, one is chosen: 1 compares neighbours, the number of columns
            compares rows.

    Returns:
        The order of page one. Both ranks are logged, whether they changed or not.
    """
    order = np.arange(count, dtype=np.int64)
    distance = int(rng.choice(np.array(distances)))
    if count <= distance:
        return Exploration(order, {})
    first = int(rng.integers(count - distance))
    second = first + distance
    if rng.random() < SWAP_PROPENSITY:
        order[[first, second]] = order[[second, first]]
    return Exploration(order, {first + 1: SWAP_PROPENSITY, second + 1: SWAP_PROPENSITY})


def _raised(order: Ints, place: int, to: int) -> Ints:
    """The order with one image moved up and those between moved down by one."""
    return np.concatenate([order[:to], order[place : place + 1], order[to:place], order[place + 1 :]])
