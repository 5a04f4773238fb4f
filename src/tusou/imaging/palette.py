"""Find the few colours a picture is made of, for colour filters and placeholders."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tusou.types import Mask, Pixels, Swatch

MAX_SWATCHES = 6
_SIDE = 64
_ROUNDS = 6
_SAME_COLOR = 12.0  # CIE76 distance below which two centres are one colour to the eye
_SMALLEST_SHARE = 0.02

_Array = npt.NDArray[np.float32]


def dominant_colors(pixels: Pixels, visible: Mask | None = None) -> tuple[Swatch, ...]:
    """Cluster a picture's colours by weighted k-means in CIE Lab.

    Pixels on a grid of 64 a side are counted in 16 levels a channel, so that k-means sees some hundred
    weighted colours. Centres start from the most frequent colour and then, one by one, from the
    colour with the largest frequency x squared distance to all centres: no randomness, and small vivid parts
    are not swallowed by large grey ones.

    Args:
        pixels: Working picture.
        visible: False where the original was transparent: those pixels do not count, unless all are.

    Returns:
        At most 6 swatches of at least 2 % each (one for any picture), largest share first.
    """
    colors, weights = _histogram(_samples(pixels, visible))
    owners = _cluster(_to_lab(colors), weights)
    totals = np.bincount(owners, weights)
    means = np.stack([np.bincount(owners, weights * colors[:, i]) for i in range(3)], axis=1)
    shares = totals / weights.sum()
    order = [int(i) for i in np.argsort(-shares, kind="stable") if totals[i] > 0]
    kept = [i for i in order if shares[i] >= _SMALLEST_SHARE] or order[:1]
    return tuple(_swatch(means[i] / totals[i], float(shares[i])) for i in kept)


def _samples(pixels: Pixels, visible: Mask | None) -> npt.NDArray[np.uint8]:
    """At most 64 x 64 pixels on a grid, (n, 3), without transparent ones.

    Picked, not averaged: averages across edges are colours the picture does not have.
    """
    step = -(-max(pixels.shape[:2]) // _SIDE)
    start = min(step // 2, min(pixels.shape[:2]) // 2)
    samples = pixels[start::step, start::step].reshape(-1, 3)
    if visible is None:
        return samples
    shown = visible[start::step, start::step].ravel()
    return samples[shown] if shown.any() else samples


def _histogram(samples: npt.NDArray[np.uint8]) -> tuple[_Array, _Array]:
    """Mean colour and number of samples of each occupied cell of a 16 x 16 x 16 grid."""
    cells = samples.astype(np.intp) >> 4
    keys = (cells[:, 0] << 8) | (cells[:, 1] << 4) | cells[:, 2]
    counts = np.bincount(keys)
    occupied = np.flatnonzero(counts)
    sums = np.stack([np.bincount(keys, samples[:, channel])[occupied] for channel in range(3)], axis=1)
    weights = counts[occupied].astype(np.float32)
    return (sums / weights[:, None]).astype(np.float32), weights


def _cluster(lab: _Array, weights: _Array) -> npt.NDArray[np.intp]:
    """Weighted k-means: the cluster of each colour. Centres nearer than _SAME_COLOR become one."""
    centers = _first_centers(lab, weights)
    weighted = np.column_stack([lab, np.ones(len(lab), np.float32)]) * weights[:, None]
    for _ in range(_ROUNDS):
        members = _nearest(lab, centers)[:, None] == np.arange(len(centers))
        sums = members.T.astype(np.float32) @ weighted
        sums = sums[sums[:, 3] > 0]
        centers = sums[:, :3] / sums[:, 3:]
    return _nearest(lab, _merge(centers))


def _first_centers(lab: _Array, weights: _Array) -> _Array:
    chosen = [int(weights.argmax())]
    nearest = _distances(lab, lab[chosen])[:, 0]
    while len(chosen) < MAX_SWATCHES and float(nearest.max()) > _SAME_COLOR**2:
        chosen.append(int((weights * nearest).argmax()))
        nearest = np.minimum(nearest, _distances(lab, lab[chosen[-1:]])[:, 0])
    return lab[chosen]


def _merge(centers: _Array) -> _Array:
    """Drop each centre that lies close to an earlier one."""
    kept: list[int] = []
    for i in range(len(centers)):
        if not kept or _distances(centers[i : i + 1], centers[kept]).min() > _SAME_COLOR**2:
            kept.append(i)
    return centers[kept]


def _nearest(colors: _Array, centers: _Array) -> npt.NDArray[np.intp]:
    return np.asarray(_distances(colors, centers).argmin(axis=1), np.intp)


def _distances(colors: _Array, centers: _Array) -> _Array:
    """Squared distances, (colors, centers)."""
    squares = (colors**2).sum(axis=1)[:, None] + (centers**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * (colors @ centers.T), 0), np.float32)


def _to_lab(colors: _Array) -> _Array:
    converted = cv2.cvtColor(colors[None] / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(converted[0], dtype=np.float32)


def _swatch(color: npt.NDArray[np.float64], share: float) -> Swatch:
    red, green, blue = (int(value + 0.5) for value in color)
    return Swatch(rgb=(red, green, blue), share=round(share, 4))
