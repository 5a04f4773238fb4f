"""Clicks over expected examinations: how attractive an image is, whatever place it was shown at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

STRENGTH = 10.0
"""Examinations that the prior of an image is worth."""

LARGEST_WEIGHT = 10.0
"""Where inverse propensities are cut off."""


def attraction(clicks: Floats, examinations: Floats, prior: Floats, strength: float = STRENGTH) -> Floats:
    """(alpha g + C) / (alpha + sum of exam): the chance of a click once examined.

    An image nobody examined has its prior, which for a new image is what the learned score says of it; one
    that is examined and not chosen sinks.

    Args:
        clicks: (n,) C.
        examinations: (n,) expected examinations.
        prior: (n,) g, 0 to 1: the chance believed before any click.
        strength: alpha, in examinations.
    """
    return np.asarray((strength * prior + clicks) / (strength + examinations))


def popularity(clicks: Floats, examinations: Floats, groups: npt.NDArray[np.int64], prior: float) -> Floats:
    """attraction() of each image over that of its group as a whole: 1 is as usual there.

    A supplier whose pictures are clicked more, whatever the reason, has many attractive images; which of its
    own stand out compares between suppliers. Both are shrunk towards the prior.

    Args:
        clicks: (n,) clicks and downloads.
        examinations: (n,) expected examinations.
        groups: (n,) number of each image's supplier, from 0.
        prior: Chance of a click once examined, of an average image.
    """
    count = int(groups.max(initial=-1)) + 1
    sums = [np.bincount(groups, values, count).astype(np.float64) for values in (clicks, examinations)]
    of_group = attraction(sums[0], sums[1], np.full(count, prior))
    own = attraction(clicks, examinations, of_group[groups])
    return np.asarray(own / of_group[groups])


def beta_posterior(
    clicks: Floats, examinations: Floats, prior: Floats, strength: float = STRENGTH
) -> tuple[Floats, Floats]:
    """Parameters of the Beta distribution around attraction(): what is known, and how well.

    Expected examinations may be fewer than clicks by chance; each click was an examination at least.
    """
    missed = np.maximum(examinations - clicks, 0.0)
    prior = np.clip(prior, 1e-6, 1.0 - 1e-6)
    return np.asarray(strength * prior + clicks), np.asarray(strength * (1.0 - prior) + missed)


def inverse_propensities(propensities: Floats, largest: float = LARGEST_WEIGHT) -> Floats:
    """Weights 1 / propensity, cut off: a little bias for much less variance.

    Args:
        propensities: (n,) chances, above 0 to 1.
        largest: The cut-off.

    Raises:
        ValueError: A propensity is not above 0 to 1.
    """
    if not np.all((propensities > 0) & (propensities <= 1)):
        raise ValueError("propensities must be above 0 and at most 1")
    return np.asarray(np.minimum(1.0 / propensities, largest))
