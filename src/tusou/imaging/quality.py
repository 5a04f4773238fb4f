"""Measure how good a picture is technically; each number is a ranking feature with a stated formula."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from tusou.imaging.decode import WORKING_SIDE, DecodedImage
from tusou.types import Pixels, Quality

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_BLACK = 5
_WHITE = 250
_BLOCK = 8

_Grey = npt.NDArray[np.uint8]


def measure_quality(image: DecodedImage) -> Quality:
    """Measure a decoded image; ``Quality`` says what each number means."""
    grey = np.asarray(cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    means, covariance = _color_moments(image.pixels)
    return Quality(
        megapixels=image.width * image.height / 1e6,
        sharpness=sharpness(grey),
        exposure=exposure(grey),
        contrast=math.sqrt(max(0.0, float(_LUMA @ covariance @ _LUMA))) / 255,
        colorfulness=colorfulness(means, covariance),
        blockiness=blockiness(image.sample)
        if image.sample is not None
        else expected_blockiness(image.quantizer),
    )


def _color_moments(pixels: Pixels) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean (3,) and covariance (3, 3) of the channels."""
    values = pixels.reshape(-1, 3).astype(np.float32)
    means = values.mean(axis=0, dtype=np.float64)
    values -= means.astype(np.float32)  # centred first: float32 sums of squares would cancel
    return means, (values.T @ values).astype(np.float64) / len(values)


def sharpness(grey: _Grey) -> float:
    """log(1 + variance of the Laplacian) with the longest side at WORKING_SIDE.

    A small original is enlarged first, which shows its lack of detail; so the number compares pictures of
    any size (Pech-Pacheco et al., ICPR 2000, for the variance of the Laplacian).
    """
    height, width = grey.shape
    scale = WORKING_SIDE / max(height, width)
    if scale > 1.1:  # pictures decoded a few pixels short of the working size are left alone
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    laplacian = cv2.Laplacian(grey, cv2.CV_16S)
    return math.log1p(float(cv2.meanStdDev(laplacian)[1][0, 0]) ** 2)


def exposure(grey: _Grey) -> float:
    """Share of pixels whose luma is neither at the black nor at the white end."""
    counts = np.bincount(grey.ravel(), minlength=256)
    return float(counts[_BLACK : _WHITE + 1].sum() / grey.size)


def colorfulness(means: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64]) -> float:
    """Hasler and Suesstrunk's M (SPIE 2003): spread plus 0.3 x offset of the opponent colours.

    Args:
        means: Mean of R, G, B.
        covariance: Covariance of R, G, B.
    """
    opponents = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])  # red-green, yellow-blue
    spread = max(0.0, float(np.trace(opponents @ covariance @ opponents.T)))
    offset = float(np.linalg.norm(opponents @ means))
    return math.sqrt(spread) + 0.3 * offset


def blockiness(sample: _Grey) -> float:
    """Mean step across the borders of 8 x 8 blocks over the mean step elsewhere, minus 1, not below 0.

    Args:
        sample: (h, w) luma at original resolution, aligned to the grid JPEG would use.
    """
    border = inner = 0.0
    border_count = inner_count = 0
    for plane in (sample, sample.T):
        steps = np.abs(np.diff(plane.astype(np.int16), axis=1)).mean(axis=0)
        at_border = np.arange(1, len(steps) + 1) % _BLOCK == 0
        border, border_count = border + float(steps[at_border].sum()), border_count + int(at_border.sum())
        inner, inner_count = inner + float(steps[~at_border].sum()), inner_count + int((~at_border).sum())
    if not border_count or not inner_count:
        return 0.0
    floor = 0.25  # of a grey level: in flat areas a ratio of noise would mean nothing
    return max(0.0, (border / border_count + floor) / (inner / inner_count + floor) - 1)


def expected_blockiness(quantizer: tuple[int, ...]) -> float:
    """Blockiness a JPEG's luminance quantisation lets expect, for pictures decoded scaled.

    A placeholder line until measured.
    """
    if not quantizer:
        return 0.0
    return max(0.0, (sum(quantizer[:10]) / 10 - 4) * 0.02)
