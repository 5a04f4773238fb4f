"""Find the few colours a picture is made of, for colour filters and placeholders."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tusou.types import Mask, Pixels, Swatch

MAX_SWATCHES = 6
_SIDE = 64
_ROUNDS = 8
_SAME_COLOR = 12.0  # CIE76 distance below which two centres are one colour to the eye
_SMALLEST_SHARE = 0.02

_Array = npt.NDArray[np.float32]


def dominant_colors(pixels: Pixels, visible: Mask | None = None) -> tuple[Swatch, ...]:
    """Cluster a picture's colours by weighted k-means in CIE Lab.

    The picture is averaged down to 64 pixels and counted in 16 levels a channel, so that k-means sees some
    hundred weighted colours. Centres start from the most frequent colour and then, one by one, from the
    colour with the largest frequency x squared distance to all centres: no randomness, and small vivid parts
    are not swallowed by large grey ones.

    Args:
        pixels: Working picture.
        visible: False where the original was transparent: those pixels do not count, unless all are.

    Returns:
        At most 6 swatches of at least 2 % each (one for any picture), largest share first.
    """
    colors, weights = _histogram(_samples(pixels, visible))
    lab = _to_lab(colors)
    centers, owners = _cluster(lab, weights)
    shares = np.bincount(owners, weights, len(centers)) / weights.sum()
    rgb = [np.average(colors[owners == i], axis=0, weights=weights[owners == i]) for i in range(len(centers))]
    order = np.argsort(-shares, kind="stable")
    kept = [i for i in order if shares[i] >= _SMALLEST_SHARE] or list(order[:1])
    return tuple(Swatch(rgb=_byte_color(rgb[i]), share=round(float(shares[i]), 4)) for i in kept)


def _samples(pixels: Pixels, visible: Mask | None) -> npt.NDArray[np.uint8]:
    """At most 64 x 64 pixels, (n, 3), without transparent ones."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8).reshape(-1, 3)
    if visible is None:
        return small
    shown = cv2.resize(visible.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).ravel() > 0
    return small[shown] if shown.any() else small


def _histogram(samples: npt.NDArray[np.uint8]) -> tuple[_Array, _Array]:
    """Mean colour and number of samples of each occupied cell of a 16 x 16 x 16 grid."""
    cells = samples.astype(np.int32) >> 4
    keys = (cells[:, 0] << 8) | (cells[:, 1] << 4) | cells[:, 2]
    _, owners, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(owners, samples[:, i]) for i in range(3)], axis=1)
    return (sums / counts[:, None]).astype(np.float32), counts.astype(np.float32)


def _cluster(lab: _Array, weights: _Array) -> tuple[_Array, npt.NDArray[np.int64]]:
    """Weighted k-means; centres nearer than _SAME_COLOR become one."""
    centers = _first_centers(lab, weights)
    for _ in range(_ROUNDS):
        owners = _distances(lab, centers).argmin(axis=1)
        totals = np.bincount(owners, weights, len(centers))
        sums = np.stack([np.bincount(owners, weights * lab[:, i], len(centers)) for i in range(3)], axis=1)
        centers = (sums[totals > 0] / totals[totals > 0, None]).astype(np.float32)
    centers = _merge(centers)
    return centers, _distances(lab, centers).argmin(axis=1)


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


def _distances(colors: _Array, centers: _Array) -> _Array:
    """Squared distances, (colors, centers)."""
    difference = colors[:, None, :] - centers[None, :, :]
    return np.asarray(np.einsum("ijk,ijk->ij", difference, difference), dtype=np.float32)


def _to_lab(colors: _Array) -> _Array:
    converted = cv2.cvtColor(colors[None] / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(converted[0], dtype=np.float32)


def _byte_color(color: npt.NDArray[np.floating]) -> tuple[int, int, int]:
    red, green, blue = (int(value + 0.5) for value in color)
    return red, green, blue
