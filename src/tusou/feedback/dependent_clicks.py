"""Cascade click models: people read from the top and stop once they have what they want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from tusou.feedback.simulate import Clicks
from tusou.feedback.tallies import Floats, Ints

Numbers = Ints | Floats

ROUNDS = 50


@dataclass(frozen=True, slots=True)
class DependentClickModel:
    """DCM (Guo et al., WSDM 2009); the cascade model is the case read_on = 0.

    Attributes:
        attraction: (m,) chance that an image is clicked once it is examined.
        read_on: (k,) chance to go on after a click at each rank.
    """

    attraction: Floats
    read_on: Floats

    @classmethod
    def fit(cls, shown: Ints, clicks: Clicks, count: int, *, rounds: int = ROUNDS) -> Self:
        """Estimate by expectation maximisation.

        Up to the last click every place was read. After it nobody knows: the person stopped, or read on and
        wanted nothing. A list without a click was read to its end. (Taking the last click for the end, as is
        often done, makes people look less patient than they are.)

        Args:
            shown: (n, k) numbers of the images (or of (words, image) pairs) in shown order, -1 for none.
            clicks: (n, k) True where clicked.
            count: m, number of images.
            rounds: Rounds of expectation and maximisation.
        """
        k = shown.shape[1]
        last = np.where(clicks.any(1), k - 1 - clicks[:, ::-1].argmax(1), k - 1)
        real = shown >= 0
        above, below = (real & (side(np.arange(k), last[:, None])) for side in (np.less_equal, np.greater))
        ends = clicks & (np.arange(k) == last[:, None])
        clicked = np.bincount(shown[clicks], minlength=count).astype(np.float64)
        went_on, clicks_at = (clicks & ~ends).sum(0), clicks.sum(0)
        model = cls(np.full(count, clicked.sum() / max(int(above.sum()), 1)), np.full(k, 0.5))
        for _ in range(rounds):
            on = model.goes_on(shown, last, below)
            read = above + below * on[:, None]
            examined = np.bincount(shown[real], read[real], count)
            passed = went_on + (ends * on[:, None]).sum(0)
            model = cls(_shares(clicked, examined), _shares(passed, clicks_at))
        return model

    def goes_on(self, shown: Ints, last: Ints, below: Clicks) -> Floats:
        """(n,) chance that somebody read on after the last click, given that nothing below it was clicked.

        Args:
            shown: (n, k) lists.
            last: (n,) place of the last click.
            below: (n, k) places below it.
        """
        unwanted = np.where(below, np.log1p(-np.minimum(self.attraction[shown], 1 - 1e-9)), 0.0).sum(1)
        on = self.read_on[last] * np.exp(unwanted)
        return np.asarray(on / (on + 1.0 - self.read_on[last]))

    def examination(self, shown: Ints) -> Floats:
        """(n, k) chance that each place of (n, k) lists is reached."""
        chances = np.where(shown >= 0, self.attraction[shown], 0.0)
        goes_on = 1.0 - chances * (1.0 - self.read_on)
        reached = np.ones_like(goes_on)
        reached[:, 1:] = np.cumprod(goes_on, axis=1)[:, :-1]
        return reached

    def click_chances(self, shown: Ints) -> Floats:
        """(n, k) chance of a click at each place of (n, k) lists."""
        return self.examination(shown) * np.where(shown >= 0, self.attraction[shown], 0.0)


def _shares(part: Numbers, whole: Numbers) -> Floats:
    """Shares, each with the share over all as a prior worth one observation."""
    overall = (part.sum() + 1.0) / (whole.sum() + 2.0)
    return np.asarray((part + overall) / (whole + 1.0))


def perplexity(chances: Floats, clicks: Clicks) -> float:
    """How surprised a model is by clicks, 1 (never) up; 2 is a coin: 2^-mean log2 P(what happened)."""
    happened = np.where(clicks, chances, 1.0 - chances)
    return float(2.0 ** -np.log2(np.maximum(happened, 1e-12)).mean())
