"""Cascade click models: people read from the top and stop once they have what they want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from tusou.feedback.simulate import Clicks
from tusou.feedback.tallies import Floats, Ints


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
    def fit(cls, shown: Ints, clicks: Clicks, count: int) -> Self:
        """Estimate by maximum likelihood, with the last click taken as the last place examined.

        After a session's last click nobody knows what was still read, so places below it say nothing; a list
        without a click was read to its end.

        Args:
            shown: (n, k) numbers of the images (or of (words, image) pairs) in shown order, -1 for none.
            clicks: (n, k) True where clicked.
            count: m, number of images.
        """
        k = shown.shape[1]
        last = np.where(clicks.any(1), k - 1 - clicks[:, ::-1].argmax(1), k - 1)
        read = (np.arange(k) <= last[:, None]) & (shown >= 0)
        clicked = np.bincount(shown[read & clicks], minlength=count)
        examined = np.bincount(shown[read], minlength=count)
        is_last = clicks & (np.arange(k) == last[:, None])
        # A prior of one half, worth two observations, where there are few.
        return cls((clicked + 1) / (examined + 2), (clicks.sum(0) - is_last.sum(0) + 1) / (clicks.sum(0) + 2))

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


def perplexity(chances: Floats, clicks: Clicks) -> float:
    """How surprised a model is by clicks, 1 (never) up; 2 is a coin: 2^-mean log2 P(what happened)."""
    happened = np.where(clicks, chances, 1.0 - chances)
    return float(2.0 ** -np.log2(np.maximum(happened, 1e-12)).mean())
