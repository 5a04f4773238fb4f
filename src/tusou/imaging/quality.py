"""Measure how good a picture is technically; each number is a ranking feature with a stated formula."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from tusou.imaging.decode import WORKING_SIDE, DecodedImage
from tusou.types import Pixels, Quality

_BLACK = 5
_WHITE = 250
_BLOCK = 8
_NOISE_FLOOR = 0.25
_BLOCKINESS_PER_STEP = 0.027
_LOWEST_FREQUENCIES = 10
_Grey = npt.NDArray[np.uint8]


def measure_quality(image: DecodedImage) -> Quality:
    """Measure a decoded image; ``Quality`` says what each number means."""
    grey = np.asarray(cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return Quality(
        megapixels=image.width * image.height / 1e6,
        sharpness=sharpness(grey),
        exposure=exposure(grey),
        contrast=float(cv2.meanStdDev(grey)[1][0, 0]) / 255,
        colorfulness=colorfulness(image.pixels),
        blockiness=(
            expected_blockiness(image.quantizer) if image.sample is None else blockiness(image.sample)
        ),
    )


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
    return math.log1p(cv2.norm(laplacian, cv2.NORM_L2SQR) / grey.size - cv2.mean(laplacian)[0] ** 2)


def exposure(grey: _Grey) -> float:
    """Share of pixels whose luma is neither at the black nor at the white end."""
    return cv2.countNonZero(cv2.inRange(grey, _BLACK, _WHITE)) / grey.size


def colorfulness(pixels: Pixels) -> float:
    """Hasler and Suesstrunk's M (SPIE 2003): spread plus 0.3 x offset of the opponent colours.

    The opponents rg = R - G and yb = (R + G) / 2 - B are never made: their second moments follow from those
    of the three differences of two channels, yb = ((R - B) + (G - B)) / 2 by the parallelogram law.
    """
    red, green, blue = cv2.split(pixels)
    size = red.size
    rg, rb, gb = (
        cv2.norm(one, other, cv2.NORM_L2SQR) / size
        for one, other in ((red, green), (red, blue), (green, blue))
    )
    r, g, b, _ = cv2.mean(pixels)
    rg_mean, yb_mean = r - g, (r + g) / 2 - b
    spread = (rg - rg_mean**2) + ((2 * rb + 2 * gb - rg) / 4 - yb_mean**2)
    return math.sqrt(max(0.0, spread)) + 0.3 * math.hypot(rg_mean, yb_mean)


def blockiness(sample: _Grey) -> float:
    """Mean step across the borders of 8 x 8 blocks over the mean step elsewhere, minus 1, not below 0.

    Args:
        sample: (h, w) luma at original resolution, aligned to the grid JPEG would use.
    """
    border = inner = 0.0
    border_count = inner_count = 0
    for plane in (sample, sample.T):
        if plane.shape[1] < 2:
            continue
        steps = cv2.absdiff(plane[:, 1:], plane[:, :-1]).mean(axis=0)
        at_border = np.arange(1, len(steps) + 1) % _BLOCK == 0
        border, border_count = border + float(steps[at_border].sum()), border_count + int(at_border.sum())
        inner, inner_count = inner + float(steps[~at_border].sum()), inner_count + int((~at_border).sum())
    if not border_count or not inner_count:
        return 0.0
    # The floor, in grey levels, keeps a ratio of next to nothing in flat areas from meaning anything.
    ratio = (border / border_count + _NOISE_FLOOR) / (inner / inner_count + _NOISE_FLOOR)
    return max(0.0, ratio - 1)


def expected_blockiness(quantizer: tuple[int, ...]) -> float:
    """Blockiness that a JPEG's luminance quantisation lets expect, for pictures decoded scaled.

    Scaled decoding leaves no block borders to look at. Over 64 photos saved at qualities 10 to 95 the median
    of ``blockiness`` grows in proportion to the mean of the ten lowest-frequency quantisation steps, by 0.027
    a step (0.020 at quality 10). What an earlier, stronger compression left is not seen.

    Args:
        quantizer: Luminance steps in zigzag order; empty for unknown.
    """
    steps = quantizer[:_LOWEST_FREQUENCIES]
    return _BLOCKINESS_PER_STEP * sum(steps) / len(steps) if steps else 0.0
