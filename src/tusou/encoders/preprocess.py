"""The one way pictures become what a tower reads: ingest, training, evaluation and queries alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from tusou.models.manifest import ImageInput
from tusou.types import Pixels

Tensor = npt.NDArray[np.float32]

_FILTERS = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def pixel_tensor(pictures: Sequence[Pixels], image: ImageInput) -> Tensor:
    """Fit, normalise and stack pictures.

    Returns:
        (n, 3, size, size) float32, (value - mean) / std per channel.
    """
    tensor = np.empty((len(pictures), 3, image.size, image.size), dtype=np.float32)
    for planes, picture in zip(tensor, pictures, strict=True):
        fitted = fit(picture, image)
        for channel in range(3):
            planes[channel] = fitted[:, :, channel]
    tensor -= np.array(image.mean, dtype=np.float32)[:, None, None]
    tensor /= np.array(image.std, dtype=np.float32)[:, None, None]
    return tensor


def fit(pixels: Pixels, image: ImageInput) -> Pixels:
    """Bring a picture of any size to the tower's square by the manifest's resize rule.

    Args:
        pixels: (height, width, 3) uint8, whole frame.
        image: Rule and size.

    Returns:
        (size, size, 3) uint8; the input itself when it has that shape already.
    """
    if image.resize == "squash":
        return squash(pixels, image.size)
    return shortest_crop(pixels, image.size, image.interpolation)


def squash(pixels: Pixels, size: int) -> Pixels:
    """Map the whole frame to a square; the aspect ratio is given up, nothing is cropped.

    Shrinking averages the area each new pixel covers, so a picture squashed earlier (a worker, a prepared
    data set) passes unchanged, and one of 4,000 pixels shows no aliasing.

    Args:
        pixels: (height, width, 3) uint8.
        size: Side of the square.

    Returns:
        (size, size, 3) uint8; the input itself when it has that shape already.
    """
    height, width = pixels.shape[:2]
    # Two steps, because INTER_AREA averages only where both sides shrink.
    shrunk = _resize(pixels, min(height, size), min(width, size), cv2.INTER_AREA)
    return _resize(shrunk, size, size, cv2.INTER_LINEAR)


def shortest_crop(pixels: Pixels, size: int, interpolation: str = "bicubic") -> Pixels:
    """Bring the shortest side to a size and keep the middle square, as the CLIP family does.

    The same pixels as Pillow's resize of the whole frame followed by a centre crop, but only the square is
    computed: a strip of 512 x 1 costs no more than a photo.

    Args:
        pixels: (height, width, 3) uint8.
        size: Side of the square.
        interpolation: ``area``, ``bilinear`` or ``bicubic``; each widens its filter when it shrinks.

    Returns:
        (size, size, 3) uint8; the input itself when it has that shape already.
    """
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    across, down = _middle(width, min(height, width), size), _middle(height, min(height, width), size)
    box = (across[0], down[0], across[1], down[1])
    method = _FILTERS[interpolation]
    if interpolation == "area" and min(height, width) < size:
        method = Image.Resampling.BILINEAR  # averaging areas enlarges to blocks
    return np.asarray(Image.fromarray(pixels).resize((size, size), method, box=box))


def _middle(side: int, shortest: int, size: int) -> tuple[float, float]:
    """Begin and end, in source pixels, of the middle ``size`` pixels of a side after the resize."""
    resized = size * side // shortest
    begin = round((resized - size) / 2)
    scale = side / resized
    return begin * scale, min((begin + size) * scale, side)


def _resize(pixels: Pixels, height: int, width: int, method: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.uint8, copy=False)
