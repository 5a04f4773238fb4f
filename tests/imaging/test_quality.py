"""Each quality measure answers to the damage it is meant for, monotonously."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image, ImageFilter

from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits
from tusou.imaging.quality import blockiness, expected_blockiness, measure_quality, sharpness
from tusou.types import Pixels, Quality

LIMITS = Limits()
PHOTOS = [(640, 428, seed) for seed in range(6)]


@lru_cache(maxsize=512)
def measured(data: bytes) -> Quality:
    return measure_quality(decode(data, LIMITS))


def ordered_share(levels: Sequence[Sequence[float]]) -> float:
    """Pairwise AUC within pictures: share of pairs of levels whose values rise with the level.

    Args:
        levels: Per picture its values, mildest damage first; ties count half.
    """
    pairs = [(low, high) for values in levels for low, high in combinations(values, 2)]
    return float(np.mean([(high > low) + 0.5 * (high == low) for low, high in pairs]))


def damaged(damage: Callable[[Image.Image, float], bytes], levels: Sequence[float]) -> list[list[Quality]]:
    return [[measured(damage(Image.fromarray(photo(*size)), level)) for level in levels] for size in PHOTOS]


def blurred(image: Image.Image, radius: float) -> bytes:
    return encoded(image.filter(ImageFilter.GaussianBlur(radius)), "BMP")


def test_sharpness_falls_with_blur() -> None:
    rows = damaged(blurred, (0, 1, 2, 4, 8))
    assert ordered_share([[-quality.sharpness for quality in row] for row in rows]) >= 0.99


def shrunk(image: Image.Image, side: float) -> bytes:
    return encoded(image.resize((int(side), int(side * 2 / 3))), "BMP")


def test_sharpness_and_megapixels_fall_with_size() -> None:
    rows = damaged(shrunk, (512, 300, 160, 80))
    assert ordered_share([[-quality.sharpness for quality in row] for row in rows]) >= 0.99
    assert ordered_share([[-quality.megapixels for quality in row] for row in rows]) == 1.0


def test_sharpness_does_not_measure_resolution_beyond_the_working_size() -> None:
    """The same picture delivered large and at half the size is equally sharp to who looks at it."""
    pixels = photo(1400, 1000)
    large = measured(encoded(pixels, "BMP"))
    half = measured(shrunk(Image.fromarray(pixels), 700))
    assert large.sharpness == pytest.approx(half.sharpness, rel=0.1)


def compressed(image: Image.Image, quality: float) -> bytes:
    return encoded(image, quality=int(quality))


def test_blockiness_rises_with_compression_in_scaled_jpegs() -> None:
    rows = damaged(compressed, (95, 85, 70, 50, 30, 10))
    assert ordered_share([[quality.blockiness for quality in row] for row in rows]) >= 0.99


def resaved(image: Image.Image, quality: float) -> bytes:
    """A JPEG turned into a BMP: its quantisation is gone, its blocks are not."""
    return encoded(Image.fromarray(decode(encoded(image, quality=int(quality)), LIMITS, 1000).pixels), "BMP")


def test_blockiness_rises_with_compression_in_pixels() -> None:
    rows = damaged(resaved, (95, 85, 70, 50, 30, 10))
    assert ordered_share([[quality.blockiness for quality in row] for row in rows]) >= 0.95


def test_expected_blockiness_is_near_the_measured_one() -> None:
    """The two ways of measuring give numbers on one scale."""
    ratios = []
    for size in PHOTOS:
        for quality in (70, 50, 30):
            expected = measured(encoded(photo(*size), quality=quality)).blockiness
            ratios.append(measured(resaved(Image.fromarray(photo(*size)), quality)).blockiness / expected)
    assert 0.25 < float(np.median(ratios)) < 4


def gamma(image: Image.Image, power: float) -> bytes:
    return encoded(image.point([round(255 * (i / 255) ** power) for i in range(256)] * 3), "BMP")


@pytest.mark.parametrize("levels", [(1, 3, 6, 12), (0.2, 0.05, 0.01, 0.003)])
def test_exposure_falls_when_pushed_to_an_end(levels: Sequence[float]) -> None:
    rows = damaged(gamma, levels)
    assert ordered_share([[-quality.exposure for quality in row] for row in rows]) >= 0.95


def faded(image: Image.Image, share: float) -> bytes:
    return encoded(Image.blend(image, Image.new("RGB", image.size, (128, 128, 128)), share), "BMP")


def test_contrast_and_colorfulness_fall_when_fading() -> None:
    rows = damaged(faded, (0, 0.3, 0.6, 0.9))
    for name in ("contrast", "colorfulness"):
        assert ordered_share([[-getattr(quality, name) for quality in row] for row in rows]) == 1.0


def test_an_unrelated_measure_does_not_pass_this_test() -> None:
    """Negative control: contrast does not tell compression."""
    rows = damaged(compressed, (95, 85, 70, 50, 30, 10))
    assert ordered_share([[quality.contrast for quality in row] for row in rows]) < 0.9


def test_values_worked_by_hand() -> None:
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 255
    quality = measured(encoded(half, "BMP"))
    assert quality.megapixels == 64 * 64 / 1e6
    assert quality.contrast == pytest.approx(0.5, abs=1e-3)
    assert quality.exposure == 0.0
    assert quality.colorfulness == pytest.approx(0.0, abs=1e-3)
    red_blue = np.zeros((64, 64, 3), np.uint8)
    red_blue[:, :32, 0] = 255
    red_blue[:, 32:, 2] = 255
    # red-green is 255 and 0, yellow-blue 127.5 and -255
    spread = math.hypot(127.5, 191.25)
    offset = math.hypot(127.5, -63.75)
    assert measured(encoded(red_blue, "BMP")).colorfulness == pytest.approx(spread + 0.3 * offset, rel=1e-4)


def naive_blockiness(sample: Pixels) -> float:
    border: list[int] = []
    inner: list[int] = []
    height, width = sample.shape
    for y in range(height):
        for x in range(1, width):
            (border if x % 8 == 0 else inner).append(abs(int(sample[y, x]) - int(sample[y, x - 1])))
    for y in range(1, height):
        for x in range(width):
            (border if y % 8 == 0 else inner).append(abs(int(sample[y, x]) - int(sample[y - 1, x])))
    return max(0.0, float((np.mean(border) + 0.25) / (np.mean(inner) + 0.25) - 1))


def test_blockiness_equals_the_naive_loop() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (4, 4)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    noise = np.random.default_rng(1).integers(0, 9, tiles.shape).astype(np.uint8)
    sample = np.asarray(tiles // 2 + noise, dtype=np.uint8)
    assert blockiness(sample) == pytest.approx(naive_blockiness(sample), rel=1e-6)
    assert blockiness(sample) > 5


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (1, 500), (9, 9)])
def test_flat_and_tiny_pictures_have_no_blocks_and_no_edges(shape: tuple[int, int]) -> None:
    flat = np.full(shape, 99, np.uint8)
    assert blockiness(flat) == 0.0
    assert sharpness(flat) == pytest.approx(0.0, abs=1e-6)


def test_no_table_no_expectation() -> None:
    assert expected_blockiness(()) == 0.0
