"""ThumbHash: about 25 bytes from which a page draws a blurred placeholder of the right shape.

Evan Wallace's format (2023) for opaque pictures, written in numpy because the Python port takes 100 ms a
picture: a few DCT coefficients of luma and of two colour differences, 4 bits each.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from tusou.types import Pixels

_SIDE = 100
_LUMA_TERMS = 7
_COLOR_TERMS = 3
_FLAT = 1e-6  # rounding noise of a picture of one colour
_CHANNELS = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, -1], [1, -1, 0]])  # luma, yellow, redness
_Array = npt.NDArray[np.float64]


def thumb_hash(pixels: Pixels) -> bytes:
    """Hash a working picture; 22 to 28 bytes."""
    while max(pixels.shape[:2]) > 2 * _SIDE and min(pixels.shape[:2]) >= 2:
        pixels = _halved(pixels)
    return _encode(pixels / 255.0)


def _halved(pixels: Pixels) -> Pixels:
    """Mean of each two by two pixels; an odd row or column is left out, so that the quick path is taken."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    even = pixels[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _encode(small: _Array) -> bytes:
    height, width = small.shape[:2]
    terms_x = max(1, _round(_LUMA_TERMS * width / max(width, height)))
    terms_y = max(1, _round(_LUMA_TERMS * height / max(width, height)))
    planes = np.tensordot(_CHANNELS, _coefficients(small), axes=1)
    luma, luma_ac, luma_scale = _channel(planes[0], max(3, terms_x), max(3, terms_y))
    yellow, yellow_ac, yellow_scale = _channel(planes[1], _COLOR_TERMS, _COLOR_TERMS)
    redness, redness_ac, redness_scale = _channel(planes[2], _COLOR_TERMS, _COLOR_TERMS)
    wide = width > height
    head = (
        _round(63 * luma)
        | _round(31.5 + 31.5 * yellow) << 6
        | _round(31.5 + 31.5 * redness) << 12
        | _round(31 * luma_scale) << 18
    )
    shape = (
        (terms_y if wide else terms_x)
        | _round(63 * yellow_scale) << 3
        | _round(63 * redness_scale) << 9
        | int(wide) << 15
    )
    nibbles = [_round(15 * value) for value in (*luma_ac, *yellow_ac, *redness_ac)]
    nibbles += [0] * (len(nibbles) % 2)
    body = bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return head.to_bytes(3, "little") + shape.to_bytes(2, "little") + body


def _coefficients(small: _Array) -> _Array:
    """The lowest 7 x 7 DCT coefficients of each channel, (3, 7, 7)."""
    height, width, channels = small.shape
    rows = _cosines(height) @ small.reshape(height, width * channels)
    terms = _cosines(width) @ rows.reshape(_LUMA_TERMS, width, channels)
    return np.asarray(terms.transpose(2, 0, 1) / (height * width))


def _channel(coefficients: _Array, terms_x: int, terms_y: int) -> tuple[float, list[float], float]:
    """Constant term, the other terms of a triangle of frequencies mapped to 0..1, and their scale."""
    triangle = [
        float(coefficients[y, x])
        for y in range(terms_y)
        for x in range(terms_x)
        if x * terms_y < terms_x * (terms_y - y)
    ]
    constant, rest = triangle[0], triangle[1:]
    scale = max(map(abs, rest))
    scale = scale if scale > _FLAT else 0.0
    return constant, [0.5 + 0.5 * value / scale if scale else 0.0 for value in rest], scale


@lru_cache(maxsize=256)
def _cosines(length: int) -> _Array:
    """Basis of the lowest frequencies along a side, (7, length)."""
    return np.asarray(np.cos(np.pi / length * np.arange(_LUMA_TERMS)[:, None] * (np.arange(length) + 0.5)))


def _round(value: float) -> int:
    """JavaScript's Math.round, which the format was defined with."""
    return int(np.floor(value + 0.5))
