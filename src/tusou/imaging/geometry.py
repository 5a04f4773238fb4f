"""Bring arrays of samples to size and upright; cut out the piece in which block borders are looked for."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

SAMPLE_SIDE = 1024
"""Largest side of the piece kept at original resolution, in pixels."""

_ORIENTATION = 0x0112
_Samples = npt.NDArray[np.uint8]


def shrink(samples: _Samples, side: int) -> _Samples:
    """Bring down to the wanted longest side; a picture that fits is left alone."""
    height, width = samples.shape[:2]
    scale = side / max(height, width)
    if scale >= 1.0:
        return samples
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to a half, cubic keeps sharpness nearer to that of larger originals than averaging, and is faster.
    method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(samples, size, interpolation=method), dtype=np.uint8)


def sample_box(width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a central piece that begins on a multiple of 8."""
    left = max(0, width - SAMPLE_SIDE) // 2 // 8 * 8
    top = max(0, height - SAMPLE_SIDE) // 2 // 8 * 8
    return left, top, min(width, left + SAMPLE_SIDE), min(height, top + SAMPLE_SIDE)


def to_grey(samples: _Samples) -> _Samples:
    """Luma of RGB samples; one channel stands for other colour models."""
    if samples.ndim == 2:
        return samples
    if samples.shape[2] == 3:
        return np.asarray(cv2.cvtColor(samples, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return samples[..., 1]


def orientation_of(tags: Image.Exif) -> int:
    """EXIF orientation, 1 to 8; 1 when missing or senseless."""
    value = tags.get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height of a picture after its orientation is undone."""
    return (height, width) if orientation >= 5 else (width, height)


def upright(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Undo an EXIF orientation: 5 to 8 are transposed, then rows or columns run backwards."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)
