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

_CLUSTERS = np.arange(MAX_SWATCHES)[:, None]

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
    means, totals = _means(colors, weights, _cluster(_to_lab(colors), weights))
    shares = totals / weights.sum()
    order = np.argsort(-shares, kind="stable")
    kept = order[shares[order] >= _SMALLEST_SHARE]
    return tuple(_swatch(means[i], float(shares[i])) for i in (kept if len(kept) else order[:1]))


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
    for _ in range(_ROUNDS):
        centers, _totals = _means(lab, weights, _nearest(lab, centers))
    return _nearest(lab, _merge(centers))


def _means(values: _Array, weights: _Array, owners: npt.NDArray[np.intp]) -> tuple[_Array, _Array]:
    """Weighted mean and total weight of each cluster that owns something."""
    members = (owners == _CLUSTERS) * weights
    totals = members.sum(axis=1)
    owning = totals > 0
    return (members @ values)[owning] / totals[owning, None], totals[owning]


def _first_centers(lab: _Array, weights: _Array) -> _Array:
    chosen = [int(weights.argmax())]
    nearest = _distances(lab, lab[chosen])[:, 0]
    while len(chosen) < MAX_SWATCHES and float(nearest.max()) > _SAME_COLOR**2:
        chosen.append(int((weights * nearest).argmax()))
        nearest = np.minimum(nearest, _distances(lab, lab[chosen[-1:]])[:, 0])
    return lab[chosen]


def _merge(centers: _Array) -> _Array:
    """Drop each centre that lies close to an earlier one."""
    near = (_distances(centers, centers) <= _SAME_COLOR**2).tolist()
    kept: list[int] = []
    for i, close in enumerate(near):
        if not any(close[earlier] for earlier in kept):
            kept.append(i)
    return centers[kept]


def _nearest(colors: _Array, centers: _Array) -> npt.NDArray[np.intp]:
    halves = (centers**2).sum(axis=1) / 2  # |a - b|^2 / 2 without the |a|^2 / 2 all centres share
    return np.asarray((halves - colors @ centers.T).argmin(axis=1), np.intp)


def _distances(colors: _Array, centers: _Array) -> _Array:
    """Squared distances, (colors, centers)."""
    squares = (colors**2).sum(axis=1)[:, None] + (centers**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * (colors @ centers.T), 0), np.float32)


def _to_lab(colors: _Array) -> _Array:
    converted = cv2.cvtColor(colors[None] / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(converted[0], dtype=np.float32)


def _swatch(color: _Array, share: float) -> Swatch:
    red, green, blue = (int(value + 0.5) for value in color)
    return Swatch(rgb=(red, green, blue), share=round(share, 4))
