"""ThumbHash: about 25 bytes from which a page draws a blurred placeholder of the right shape.

Evan Wallace's format (2023) for opaque pictures, written in numpy because the Python port takes 100 ms a
picture: a few DCT coefficients of luma and of two colour differences, 4 bits each.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tusou.types import Pixels

_SIDE = 100
_LUMA_TERMS = 7
_FLAT = 1e-6  # rounding noise of a picture of one colour
_Array = npt.NDArray[np.float64]


def thumb_hash(pixels: Pixels) -> bytes:
    """Hash a working picture; 22 to 28 bytes."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return _encode(
        np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.float64) / 255.0
    )


def _encode(small: _Array) -> bytes:
    height, width = small.shape[:2]
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    terms_x = max(1, _round(_LUMA_TERMS * width / max(width, height)))
    terms_y = max(1, _round(_LUMA_TERMS * height / max(width, height)))
    luma, luma_ac, luma_scale = _channel((red + green + blue) / 3, max(3, terms_x), max(3, terms_y))
    yellow, yellow_ac, yellow_scale = _channel((red + green) / 2 - blue, 3, 3)
    redness, redness_ac, redness_scale = _channel(red - green, 3, 3)
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


def _channel(values: _Array, terms_x: int, terms_y: int) -> tuple[float, list[float], float]:
    """Constant term, the other terms of a triangle of frequencies mapped to 0..1, and their scale."""
    coefficients = _cosines(values.shape[0], terms_y) @ values @ _cosines(values.shape[1], terms_x).T
    coefficients /= values.size
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


def _cosines(length: int, terms: int) -> _Array:
    return np.asarray(np.cos(np.pi / length * np.arange(terms)[:, None] * (np.arange(length) + 0.5)))


def _round(value: float) -> int:
    """JavaScript's Math.round, which the format was defined with."""
    return int(np.floor(value + 0.5))
