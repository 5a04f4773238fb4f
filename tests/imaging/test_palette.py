"""Dominant colours of pictures whose colours are known."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import photo

from tusou.imaging.palette import MAX_SWATCHES, dominant_colors
from tusou.types import Pixels


def stripes(*parts: tuple[tuple[int, int, int], int]) -> Pixels:
    """Vertical stripes of given colours and widths, 300 high."""
    return np.concatenate([np.full((300, width, 3), color, np.uint8) for color, width in parts], axis=1)


def test_colors_and_shares_of_stripes() -> None:
    colors = dominant_colors(stripes(((200, 30, 30), 256), ((30, 60, 200), 128), ((250, 250, 250), 128)))
    assert colors[0].rgb == (200, 30, 30)
    assert {swatch.rgb for swatch in colors} == {(200, 30, 30), (30, 60, 200), (250, 250, 250)}
    assert [swatch.share for swatch in colors] == pytest.approx([0.5, 0.25, 0.25], abs=0.02)


def test_one_color() -> None:
    assert [swatch.rgb for swatch in dominant_colors(np.full((300, 200, 3), (1, 2, 3), np.uint8))] == [
        (1, 2, 3)
    ]
    assert len(dominant_colors(np.full((1, 1, 3), 77, np.uint8))) == 1


def test_a_small_vivid_part_is_not_lost_in_grey() -> None:
    """Averages of everything find only grey; the red dot is what people search for."""
    pixels = np.random.default_rng(0).integers(90, 170, (300, 300, 1)).astype(np.uint8).repeat(3, axis=2)
    pixels[100:160, 100:160] = (220, 20, 20)
    assert any(swatch.rgb == (220, 20, 20) for swatch in dominant_colors(pixels))


def test_shades_the_eye_takes_for_one_are_one() -> None:
    colors = dominant_colors(stripes(((100, 100, 100), 200), ((106, 104, 102), 200)))
    assert len(colors) == 1


def test_transparent_pixels_do_not_count() -> None:
    pixels = stripes(((255, 255, 255), 400), ((0, 120, 0), 40))
    visible = np.zeros(pixels.shape[:2], np.bool_)
    visible[:, 400:] = True
    assert [swatch.rgb for swatch in dominant_colors(pixels, visible)] == [(0, 120, 0)]
    assert len(dominant_colors(pixels, np.zeros_like(visible))) == 2


@pytest.mark.parametrize("seed", range(5))
def test_photos(seed: int) -> None:
    pixels = photo(512, 340, seed)
    colors = dominant_colors(pixels)
    assert 1 < len(colors) <= MAX_SWATCHES
    shares = [swatch.share for swatch in colors]
    assert shares == sorted(shares, reverse=True)
    assert min(shares) >= 0.02
    assert 0.9 <= sum(shares) <= 1.001
    assert colors == dominant_colors(pixels.copy())


def test_a_smaller_copy_has_nearly_the_same_colors() -> None:
    large, small = dominant_colors(photo(512, 384)), dominant_colors(photo(512, 384)[::2, ::2])
    assert np.abs(np.subtract(large[0].rgb, small[0].rgb)).max() < 25
