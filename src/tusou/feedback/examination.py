"""How likely a place of the page is looked at, by row and column, estimated from clicks (position model)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from tusou.feedback.attraction import LARGEST_WEIGHT
from tusou.feedback.tallies import Floats, Ints, Tallies

ROUNDS = 33
PRIOR_CELL = 20.0
"""Impressions that the prior of a cell is worth."""

PRIOR_PAIR = 1.0
"""Impressions that the mean attraction is worth for one (words, image) pair."""

_HIGHEST = -1e-6  # logarithm of the largest chance inside a fit

EXPONENT = 1.0
"""Prior examination falls with the row as 1 / row^EXPONENT, the same over a row."""


def prior_examination(cells: Ints) -> Floats:
    """(m,) chance of examination that is believed without any data, of (m, 3) row, column, columns."""
    return np.asarray(np.maximum(cells[:, 0], 1) ** -EXPONENT, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Examination:
    """Chances of examination of the cells that were seen; others have the prior.

    Attributes:
        cells: (c, 3) row, column, columns.
        chances: (c,) 0 to 1; the best examined cell has 1.
        impressions: (c,) how much each rests on.
    """

    cells: Ints
    chances: Floats
    impressions: Floats

    def of(self, cells: Ints) -> Floats:
        """(m,) chances of (m, 3) cells."""
        known = {tuple(cell): chance for cell, chance in zip(self.cells.tolist(), self.chances, strict=True)}
        prior = prior_examination(cells)
        return np.array([known.get(tuple(cell), prior[i]) for i, cell in enumerate(cells.tolist())])

    def counted(self, cells: Ints) -> Floats:
        """(m,) what an impression in a cell counts: its chance, but at least 1 / LARGEST_WEIGHT.

        So no click weighs more than LARGEST_WEIGHT. Where nobody looks a chance is estimated badly, and one
        click there would outweigh everything else.
        """
        return np.maximum(self.of(cells), 1.0 / LARGEST_WEIGHT)

    @classmethod
    def estimate(cls, tallies: Tallies, *, rounds: int = ROUNDS) -> Self:
        """Estimate from a log by expectation maximisation on the position model.

        Only pairs seen in two cells or more tell places and images apart (the same image under the same
        words, once here and once there); exploration, swaps and a changing window make them. The fewer there
        are, the closer the estimate stays to the prior.
        """
        pair, cell, n, clicks = informative(tallies)
        prior = prior_examination(tallies.cells)
        chances, _ = fit_position_model(pair, cell, n, clicks, prior=prior, rounds=rounds)
        return cls(tallies.cells, chances, np.bincount(cell, n, len(prior)).astype(np.float64))


def informative(tallies: Tallies) -> tuple[Ints, Ints, Floats, Floats]:
    """Entries of pairs that were seen in more than one cell: pair, cell, impressions, clicks."""
    pair, _ = tallies.pairs()
    seen = np.unique(np.stack([pair, tallies.cell], axis=1), axis=0)[:, 0]
    several = np.bincount(seen, minlength=pair.max(initial=-1) + 1)[pair] > 1
    _, numbers = np.unique(pair[several], return_inverse=True)
    entries = (tallies.cell[several], tallies.impressions[several], tallies.clicks[several])
    return (numbers.astype(np.int64), *entries)


def fit_position_model(
    pair: Ints, cell: Ints, n: Floats, clicks: Floats, *, prior: Floats, rounds: int = ROUNDS
) -> tuple[Floats, Floats]:
    """Fit P(click) = examination[cell] x attraction[pair] (Chuklin et al., Click Models, 2015, 4.1).

    Expectation maximisation crawls where little is examined, so its steps are extrapolated (SQUAREM,
    Varadhan and Roland, 2008): three steps a round do the work of many.

    Args:
        pair: (n,) numbers of (words, image) pairs.
        cell: (n,) numbers of cells.
        n: (n,) impressions of the pair in the cell.
        clicks: (n,) clicks among them.
        prior: (c,) what is believed of each cell, worth PRIOR_CELL impressions.
        rounds: Rounds of three steps.

    Returns:
        (c,) chances of examination, the largest 1, and (p,) attractions on that scale.
    """
    model = PositionModel(pair, cell, n, clicks, prior)
    chances = model.start()
    for _ in range(rounds):
        chances = _extrapolated(model.step, chances)
    examination, attraction = np.split(chances, [len(prior)])
    top = examination.max(initial=0.0)
    return (examination / top, attraction * top) if top else (examination, attraction)


class PositionModel:
    """Expectation maximisation on counts; its state is one array: examination (c,), then attraction (p,)."""

    def __init__(self, pair: Ints, cell: Ints, n: Floats, clicks: Floats, prior: Floats) -> None:
        """Take the counts; see fit_position_model."""
        self._pair, self._cell, self._clicks, self._prior = pair, cell, clicks, prior
        self._misses = n - clicks
        self._shown_cell = np.bincount(cell, n, len(prior))
        self._shown_pair = np.bincount(pair, n)

    def start(self) -> Floats:
        """Examination as the prior has it, but with room to grow: at 1 a chance could never move again."""
        examination = self._prior / 2
        mean = (self._clicks.sum() + 1.0) / (self._shown_cell @ examination + 2.0)
        return np.concatenate([examination, np.full(len(self._shown_pair), min(mean, 0.5))])

    def step(self, chances: Floats) -> Floats:
        """One round: who looked and who was attracted, given the clicks; then their shares."""
        examination, attraction = np.split(chances, [len(self._prior)])
        theta, gamma = examination[self._cell], attraction[self._pair]
        missed = np.maximum(1.0 - theta * gamma, 1e-12)
        looked = self._clicks + self._misses * theta * (1.0 - gamma) / missed
        attracted = self._clicks + self._misses * gamma * (1.0 - theta) / missed
        # Only products are observed, so the prior follows the scale the estimates are at.
        scale = (self._shown_cell @ examination + 1.0) / (self._shown_cell @ self._prior + 1.0)
        mean = (self._shown_pair @ attraction + 1.0) / (self._shown_pair.sum() + 2.0)
        by_cell = np.bincount(self._cell, looked, len(self._prior))
        by_pair = np.bincount(self._pair, attracted, len(self._shown_pair))
        believed = PRIOR_CELL * np.minimum(scale * self._prior, 1.0)
        return np.concatenate(
            [
                (by_cell + believed) / (self._shown_cell + PRIOR_CELL),
                (by_pair + PRIOR_PAIR * float(mean)) / (self._shown_pair + PRIOR_PAIR),
            ]
        )


def _extrapolated(step: Callable[[Floats], Floats], chances: Floats) -> Floats:
    """Two steps, a leap the way they went and bent (on logarithms, so that chances stay above 0), a step."""
    first = step(chances)
    second = step(first)
    before, middle, after = np.log(chances), np.log(first), np.log(second)
    change, bend = middle - before, after - 2 * middle + before
    length = max(1.0, float(np.linalg.norm(change)) / max(float(np.linalg.norm(bend)), 1e-12))
    leap = before + 2 * length * change + length**2 * bend
    return step(np.exp(np.minimum(leap, _HIGHEST)))


def fit_swaps(cells: Ints, clicks: Floats, impressions: Floats, count: int) -> Floats:
    """Examination out of swaps: two neighbours change places by a coin, so each place sees the same images.

    The ratio of clicks at two places is then the ratio of their examinations (Joachims et al., WSDM 2017);
    ratios of many pairs of places are joined by least squares on their logarithms, weighted by what each
    rests on.

    Args:
        cells: (m, 2) numbers of the two cells of each kind of swap.
        clicks: (m, 2) clicks in them, swapped and unswapped together.
        impressions: (m, 2) impressions in them.
        count: Number of cells.

    Returns:
        (count,) chances, the largest 1; NaN for cells that no chain of swaps joins to the most seen one.
    """
    rates = np.log((clicks + 0.5) / (impressions + 1.0))
    weights = 1.0 / np.sqrt((1.0 / (clicks + 0.5)).sum(1))
    rows = np.arange(len(cells))
    system = np.zeros((len(cells), count))
    system[rows, cells[:, 0]] += weights
    system[rows, cells[:, 1]] -= weights
    logs = np.linalg.lstsq(system, weights * (rates[:, 0] - rates[:, 1]), rcond=None)[0]
    joined = _joined(cells, int(np.bincount(cells.ravel(), impressions.ravel(), count).argmax()), count)
    logs = np.where(joined, logs, -np.inf)
    return np.where(joined, np.exp(logs - logs.max()), np.nan)


def _joined(cells: Ints, start: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Cells that a chain of swaps joins to one."""
    reached = np.zeros(count, np.bool_)
    reached[start] = True
    while True:
        touched = cells[reached[cells].any(1)].ravel()
        if reached[touched].all():
            return reached
        reached[touched] = True
