"""PDQ: a 256-bit perceptual hash that survives re-compression, resizing and small retouches.

Facebook's PDQ (2017), written anew in numpy because its Python binding comes without wheels: luma, two box
filters, 64 x 64 samples, the 16 x 16 lowest DCT coefficients without the constant ones, one bit each by the
median. Filters and sampling are one matrix product a side, kept for each length of a side. Bits are packed as
PDQ's hexadecimal form shows them. Copies differ in at most about 31 bits,
unrelated pictures in about 128; crops and borders defeat it.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from tusou.types import Pixels

FINGERPRINT_BYTES = 32
_SIDE = 64
_COEFFICIENTS = 16
_SMALLEST_SIDE = 5  # PDQ does not hash smaller pictures
_Floats = npt.NDArray[np.float32]

_frequency = np.arange(1, _COEFFICIENTS + 1)[:, None]
_position = 2 * np.arange(_SIDE)[None, :] + 1
_DCT = (np.sqrt(2 / _SIDE) * np.cos(np.pi / 2 / _SIDE * _frequency * _position)).astype(np.float32)


def fingerprint(pixels: Pixels) -> tuple[bytes, int]:
    """Hash a picture.

    Args:
        pixels: Working picture.

    Returns:
        The hash, 32 bytes, and PDQ's quality, 0 to 100: the sum of notable gradients. Below 50 a picture is
        too featureless to be compared by its hash.
    """
    if min(pixels.shape[:2]) < _SMALLEST_SIDE:
        return bytes(FINGERPRINT_BYTES), 0
    luma = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    small = np.asarray(_sampler(luma.shape[0]) @ luma @ _sampler(luma.shape[1]).T, np.float32)
    coefficients = _DCT @ small @ _DCT.T
    bits = coefficients > np.partition(coefficients.ravel(), 127)[127]  # PDQ's median is the lower one
    return np.packbits(bits.ravel()[::-1]).tobytes(), _quality(small)


def hamming_distance(one: bytes, other: bytes) -> int:
    """Number of differing bits of two fingerprints."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


@lru_cache(maxsize=256)  # of at most 131 kB
def _sampler(length: int) -> _Floats:
    """Two passes of PDQ's box filter along a side, then samples at the centres of 64 cells: (64, length)."""
    box = _box(length)
    centers = ((np.arange(_SIDE) + 0.5) * length / _SIDE).astype(int)
    return np.ascontiguousarray(box[centers] @ box)


def _box(length: int) -> _Floats:
    """Mean over a window 1/128 of the side wide, cut off at the ends (Jarosz filter): (length, length)."""
    window = (length + 2 * _SIDE - 1) // (2 * _SIDE)
    start = np.arange(length)[:, None] - (window - 1) // 2
    position = np.arange(length)[None, :]
    inside = ((position >= start) & (position < start + window)).astype(np.float32)
    return np.asarray(inside / inside.sum(axis=1, keepdims=True), np.float32)


def _quality(small: _Floats) -> int:
    """Sum of whole percent steps between neighbours, scaled to 0..100."""
    steps = [np.abs(np.trunc(np.diff(small, axis=axis) * 100 / 255)).sum() for axis in (0, 1)]
    return min(100, int(sum(steps)) // 90)
