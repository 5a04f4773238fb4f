"""PDQ, bit for bit, and what it survives."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image, ImageEnhance

from tusou.imaging.decode import decode
from tusou.imaging.fingerprint import FINGERPRINT_BYTES, fingerprint, hamming_distance
from tusou.imaging.limits import Limits
from tusou.types import Pixels


def blocks(height: int, width: int, seed: int) -> Pixels:
    """A texture by arithmetic, the same on every machine."""
    y, x = np.mgrid[0:height, 0:width]
    rows, columns = y // (7 + seed), x // (9 + seed)
    base = columns**2 * 37 + rows * 91 + rows**3 * 5
    planes = [(base + columns * rows * (13 + channel + seed)) % 256 for channel in range(3)]
    return np.stack(planes, axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "seed", "expected"),
    [
        ((384, 512), 0, "8bb0639c8011da34665275025ce781d255b3578e9f95476857f6de1b74a717a6"),
        ((512, 384), 1, "fc2465dafa452c21deffbc1a8ce8221dd263a9e882eea5782ca5e68379d10873"),
        ((64, 64), 2, "1568ea9695683a97ea1778e76ed666662ae3d53cc41c99999529879a1568ea16"),
        ((100, 77), 3, "a2ade8a6d4ac9ec86bc315a47b5b6a5b943c71332b5337595d521f40d45e88a6"),
        ((500, 130), 40, "252d1ce3e71c252de318e31c1ce318e3dad21ce3e31c9ad2d2dae71cdad22c65"),
        ((17, 300), 5, "1fb7e0481fb71fb7e0481fb71fb7e0481fb7e048e0481fb7e048e0481fb7e048"),
    ],
)
def test_bits_are_those_of_the_reference(size: tuple[int, int], seed: int, expected: str) -> None:
    """Values of pdqhash 0.2.8, the binding of Facebook's own code."""
    bits, quality = fingerprint(blocks(*size, seed))
    assert (
        hamming_distance(bits, bytes.fromhex(expected)) <= 2
    )  # a coefficient on the median may fall either way
    assert quality == 100


def test_quality_counts_notable_gradients() -> None:
    assert fingerprint(np.full((200, 300, 3), 90, np.uint8))[1] == 0
    assert fingerprint(photo(4, 300)) == (bytes(FINGERPRINT_BYTES), 0)
    faint = (photo(512, 384) // 32 + 100).astype(np.uint8)
    assert fingerprint(faint)[1] < 50 < fingerprint(photo(512, 384))[1]


def changed_copies(pixels: Pixels) -> dict[str, Image.Image]:
    image = Image.fromarray(pixels)
    return {
        "jpeg 20": Image.open(BytesIO(encoded(image, quality=20))).convert("RGB"),
        "half size": image.resize((image.width // 2, image.height // 2)),
        "other shape": image.resize((image.width, image.height * 9 // 10)),
        "brighter": ImageEnhance.Brightness(image).enhance(1.2),
        "grey": image.convert("L").convert("RGB"),
    }


@pytest.mark.parametrize("seed", range(3))
def test_copies_are_near_and_others_far(seed: int) -> None:
    pixels = photo(640, 430, seed)
    original = fingerprint(decode(encoded(pixels, quality=95), Limits()).pixels)[0]
    for name, copy in changed_copies(pixels).items():
        other = fingerprint(decode(encoded(copy, "BMP"), Limits()).pixels)[0]
        assert hamming_distance(original, other) <= 31, name
    unrelated = fingerprint(photo(640, 430, seed + 10))[0]
    assert 90 <= hamming_distance(original, unrelated) <= 166


def test_scaled_and_full_decoding_agree() -> None:
    """A JPEG decoded at a quarter and its lossless twin are one picture."""
    pixels = photo(1600, 1200)
    one = fingerprint(decode(encoded(pixels, quality=92), Limits()).pixels)[0]
    other = fingerprint(decode(encoded(pixels, "BMP"), Limits()).pixels)[0]
    assert hamming_distance(one, other) <= 6
