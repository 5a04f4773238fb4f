"""Simulated people: who clicks on what, given the true grades of a shown list. For experiments only.

Every function is pure: what it draws comes from the generator it is given. Lists are rows of one array, in
shown order, so a whole log is simulated at once. Three families of click models, so that what is estimated
from clicks can be tried on people who do not behave as the estimator believes:

* position model: a place is examined with chance 1 / rank^eta, whatever stands there;
* cascade (DCM): read from the top, after a click go on with some chance only;
* trust bias: on high places people also click what does not attract them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

SIMULATION = "tusou-simulation"
"""Application id of every simulated query: what reads a log leaves it out unless it is asked for by name."""

CLICK_CHANCE = (0.05, 0.4, 0.7, 0.7)
"""Chance of a click on an examined image of grade 0 to 3."""

ETAS = (0.5, 1.0, 2.0)
"""How fast attention falls with the rank: people who read on, ordinary, people who look at the top only."""

Grades = npt.NDArray[np.integer]
"""(n, k) integers 0 to 3 in shown order, -1 where a list ends before place k."""

Chances = npt.NDArray[np.float64]
Clicks = npt.NDArray[np.bool_]


class Simulator(Protocol):
    """What the functions of SIMULATORS have in common."""

    def __call__(self, grades: Grades, rng: np.random.Generator, *, quality: Chances | None = None) -> Clicks:
        """Clicks on n shown lists.

        Args:
            grades: (n, k); see Grades.
            rng: Source of all chance.
            quality: (n, k) factors 0 to 1 on the chance of a click; 1 everywhere when None.

        Returns:
            (n, k) True where somebody clicked; never where grades is -1.

        Raises:
            ValueError: Grades are not 0 to 3 or -1, or quality is not 0 to 1 of the same shape.
        """
        ...


def attraction(grades: Grades, quality: Chances | None = None) -> Chances:
    """Chance of a click on each image if it is examined: CLICK_CHANCE[grade] x quality, 0 where grade is -1.

    Raises:
        ValueError: See Simulator.
    """
    grades = np.asarray(grades)
    if grades.ndim != 2 or not np.issubdtype(grades.dtype, np.integer):
        raise ValueError(f"grades must be an (n, k) array of integers, got {grades.dtype} {grades.shape}")
    if grades.size and (grades.min() < -1 or grades.max() >= len(CLICK_CHANCE)):
        raise ValueError(
            f"grades must be -1 to {len(CLICK_CHANCE) - 1}, got {grades.min()} to {grades.max()}"
        )
    chances = np.array([*CLICK_CHANCE, 0.0])[grades]  # the last one answers to -1
    if quality is None:
        return chances
    if quality.shape != grades.shape or not np.all((quality >= 0) & (quality <= 1)):
        raise ValueError(f"quality must be 0 to 1 of shape {grades.shape}, got shape {quality.shape}")
    return np.asarray(chances * quality)


def rank_examination(k: int, eta: float) -> Chances:
    """(k,) chance that a rank is examined, 1 / rank^eta."""
    return np.asarray(np.arange(1, k + 1, dtype=np.float64) ** -eta)


def examined_clicks(chances: Chances, examination: Chances, rng: np.random.Generator) -> Clicks:
    """Clicks when each place is examined on its own: click = examined and attracted.

    Args:
        chances: (n, k) attraction.
        examination: (k,) or (n, k) chance that a place is examined; a grid is its cells laid out in order.
        rng: Source of chance.
    """
    return np.asarray(rng.random(chances.shape) < chances * examination)


def position_clicks(
    grades: Grades, rng: np.random.Generator, *, eta: float = 1.0, quality: Chances | None = None
) -> Clicks:
    """Position model (Craswell et al., WSDM 2008): examined with 1 / rank^eta; see Simulator."""
    chances = attraction(grades, quality)
    return examined_clicks(chances, rank_examination(chances.shape[1], eta), rng)


def cascade_clicks(
    grades: Grades, rng: np.random.Generator, *, read_on: float = 0.6, quality: Chances | None = None
) -> Clicks:
    """Dependent click model (Guo et al., WSDM 2009): on after a click with chance read_on.

    Read from the top, without a click always on; read_on = 0 is the cascade model (one click at most). See
    Simulator.
    """
    attracted = rng.random(np.shape(grades)) < attraction(grades, quality)
    stops = attracted & (rng.random(attracted.shape) >= read_on)
    stopped_before: npt.NDArray[np.int64] = np.cumsum(stops, axis=1) - stops
    return np.asarray(attracted & (stopped_before == 0))


def trust_clicks(
    grades: Grades,
    rng: np.random.Generator,
    *,
    eta: float = 1.0,
    trust: float = 0.3,
    quality: Chances | None = None,
) -> Clicks:
    """Trust bias (Agarwal et al., WWW 2019): what does not attract is clicked with chance trust / rank.

    Places are examined as in the position model: P(click) = exam (a + (1 - a) trust / rank). See Simulator.
    """
    chances = attraction(grades, quality)
    examination = rank_examination(chances.shape[1], eta)
    trusted = trust * rank_examination(chances.shape[1], 1.0)
    shown = np.asarray(grades) >= 0
    return examined_clicks(shown * (chances + (1 - chances) * trusted), examination, rng)


SIMULATORS: Mapping[str, Simulator] = {
    **{f"position-{eta:g}": partial(position_clicks, eta=eta) for eta in ETAS},
    "cascade": cascade_clicks,
    "trust": trust_clicks,
}
"""Simulators by name."""


def zipf_queries(
    n_queries: int, n_sessions: int, rng: np.random.Generator, exponent: float = 1.0
) -> npt.NDArray[np.int64]:
    """Which query each session asks: query i (from 0) with chance proportional to 1 / (i + 1)^exponent.

    Returns:
        (n_sessions,) numbers of queries; low ones are the head.
    """
    weights = rank_examination(n_queries, exponent)
    return rng.choice(n_queries, size=n_sessions, p=weights / weights.sum())
