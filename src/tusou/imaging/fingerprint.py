"""PDQ: a 256-bit perceptual hash that survives re-compression, resizing and small retouches.

Facebook's PDQ (2017), written anew in numpy because its Python binding comes without wheels: luma, two box
filters, 64 x 64 samples, the 16 x 16 lowest DCT coefficients without the constant ones, one bit each by the
median. Bits are packed as PDQ's hexadecimal form shows them. Copies differ in at most about 31 bits,
unrelated pictures in about 128; crops and borders defeat it.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tusou.types import Pixels

FINGERPRINT_BYTES = 32
_SIDE = 64
_COEFFICIENTS = 16
_SMALLEST_SIDE = 5  # PDQ does not hash smaller pictures

_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)
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
    luma = cv2.transform(pixels.astype(np.float32), _LUMA)
    small = _downsample(np.asarray(luma, dtype=np.float32).reshape(pixels.shape[:2]))
    coefficients = _DCT @ small @ _DCT.T
    bits = coefficients > np.partition(coefficients.ravel(), 127)[127]  # PDQ's median is the lower one
    return np.packbits(bits.ravel()[::-1]).tobytes(), _quality(small)


def hamming_distance(one: bytes, other: bytes) -> int:
    """Number of differing bits of two fingerprints."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def _downsample(luma: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Two passes of a box filter about 1/128 of each side wide, then 64 x 64 samples at cell centres."""
    height, width = luma.shape
    if (height, width) == (_SIDE, _SIDE):
        return luma
    window = (_window(width), _window(height))
    for _ in range(2):
        luma = _box(luma, window)
    rows = ((np.arange(_SIDE) + 0.5) * height / _SIDE).astype(int)
    columns = ((np.arange(_SIDE) + 0.5) * width / _SIDE).astype(int)
    return luma[np.ix_(rows, columns)]


def _window(side: int) -> int:
    return (side + 2 * _SIDE - 1) // (2 * _SIDE)


def _box(luma: npt.NDArray[np.float32], window: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Mean over a window cut off at the borders, as PDQ's Jarosz filter takes it."""
    anchor = tuple((size - 1) // 2 for size in window)
    total = cv2.boxFilter(luma, -1, window, anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT)
    weight = [
        cv2.boxFilter(
            np.ones((length, 1), np.float32),
            -1,
            (1, size),
            anchor=(0, start),
            normalize=False,
            borderType=cv2.BORDER_CONSTANT,
        )
        for length, size, start in zip(luma.shape, window[::-1], anchor[::-1], strict=True)
    ]
    return total / (weight[0] * weight[1].T)


def _quality(small: npt.NDArray[np.float32]) -> int:
    """Sum of whole percent steps between neighbours, scaled to 0..100."""
    steps = [np.abs(np.trunc(np.diff(small, axis=axis) * 100 / 255)).sum() for axis in (0, 1)]
    return min(100, int(sum(steps)) // 90)
