"""Make JPEGs that cost as much to decode as photos: noise at all scales, a photo's bytes per pixel."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from tusou.types import Pixels

QUALITY = 90
BYTES_PER_PIXEL = 0.3
"""What cameras write at about this quality: 3.6 MB for 12 megapixels."""

_CANVASES = 3
_MARGIN = 256
_SAMPLE = 768
_CLOUD_SCALE = 4
_Floats = npt.NDArray[np.float32]


def make_photos(width: int, height: int, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield baseline 4:2:0 JPEGs of quality 90, each of other bytes.

    A few canvases of 1/f noise in luma and colour get sensor noise until a piece of them takes 0.3 bytes a
    pixel; each photo is another window of a canvas, perhaps mirrored.

    Args:
        width: Pixels.
        height: Pixels.
        count: Number of photos.
        seed: Same seed, same photos.
    """
    random = np.random.default_rng(seed)
    canvases = [_canvas(width + _MARGIN, height + _MARGIN, random) for _ in range(min(count, _CANVASES))]
    for number in range(count):
        x, y = (int(value) for value in random.integers(0, _MARGIN, 2))
        window = canvases[number % len(canvases)][y : y + height, x : x + width]
        yield encode(window[:, ::-1] if random.integers(2) else window)


def encode(pixels: Pixels) -> bytes:
    """One JPEG."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=QUALITY, colorspace="RGB", colorsubsampling="420"
    )
    return data


def _canvas(width: int, height: int, random: np.random.Generator) -> Pixels:
    """Clouds of 1/f noise with sensor noise of the strength that gives BYTES_PER_PIXEL."""
    small = (width // _CLOUD_SCALE, height // _CLOUD_SCALE)
    clouds = np.zeros((small[1], small[0], 3), np.float32)
    cells = 2
    while cells <= max(small):
        layer = random.standard_normal((max(2, height * cells // width), cells, 3), np.float32)
        clouds += cv2.resize(layer, small, interpolation=cv2.INTER_CUBIC) / np.float32(cells)
        cells *= 2
    clouds = 40 * clouds / clouds.std() * np.array([0.35, 0.2, 0.45], np.float32)
    clouds += 128 + 1.6 * clouds.mean(axis=2, keepdims=True)
    clouds = np.asarray(cv2.resize(clouds, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    grain = random.standard_normal((height, width, 1), np.float32)
    clouds += _grain_strength(clouds[:_SAMPLE, :_SAMPLE], grain[:_SAMPLE, :_SAMPLE]) * grain
    return np.asarray(np.clip(clouds, 0, 255, out=clouds), np.uint8)


def _grain_strength(clouds: _Floats, grain: _Floats) -> float:
    """Standard deviation of noise, in grey levels, by bisection on the size of the JPEG."""
    low, high = 0.0, 30.0
    for _ in range(10):
        middle = (low + high) / 2
        piece = np.asarray(np.clip(clouds + middle * grain, 0, 255), np.uint8)
        small = len(encode(piece)) < BYTES_PER_PIXEL * piece.shape[0] * piece.shape[1]
        low, high = (middle, high) if small else (low, middle)
    return low
