"""ThumbHash against the reference port."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import photo
from PIL import Image
from thumbhash import rgba_to_thumb_hash

from tusou.imaging.thumbhash import thumb_hash
from tusou.types import Pixels


def reference(pixels: Pixels) -> bytes:
    height, width = pixels.shape[:2]
    rgba = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
    return bytes(rgba_to_thumb_hash(width, height, rgba.ravel().tolist()))


@pytest.mark.parametrize("size", [(30, 22), (22, 30), (24, 24), (40, 9), (1, 1), (5, 60)])
def test_bytes_are_those_of_the_reference(size: tuple[int, int]) -> None:
    ours, theirs = thumb_hash(photo(*size)), reference(photo(*size))
    assert len(ours) == len(theirs)
    ours_nibbles = np.array([[byte & 15, byte >> 4] for byte in ours])
    theirs_nibbles = np.array([[byte & 15, byte >> 4] for byte in theirs])
    assert (
        np.abs(ours_nibbles - theirs_nibbles).max() <= 1
    )  # halves round up in JavaScript, to even in Python


def test_a_flat_picture_has_no_detail() -> None:
    """The reference blows rounding noise up to full scale and multiplies it with a scale of nothing."""
    flat = np.full((20, 30, 3), 128, np.uint8)
    assert thumb_hash(flat)[:5] == reference(flat)[:5]
    assert set(thumb_hash(flat)[5:]) == {0}


@pytest.mark.parametrize("size", [(512, 384), (333, 511), (512, 90), (1, 450)])
def test_shrinking_first_changes_next_to_nothing(size: tuple[int, int]) -> None:
    """Of a large picture and of its shrunk copy the placeholder is the same, but for rounding."""
    large = photo(*size)
    shrunk = [max(1, side * 100 // max(size)) for side in size]
    small = Image.fromarray(large).resize(shrunk, Image.Resampling.BOX)
    pairs = zip(thumb_hash(large), reference(np.asarray(small)), strict=True)
    steps = [abs((a >> shift & 15) - (b >> shift & 15)) for a, b in pairs for shift in (0, 4)]
    assert sorted(steps)[len(steps) * 9 // 10] <= 1
