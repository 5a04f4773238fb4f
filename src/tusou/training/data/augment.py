"""Altered views, the same for the same seed: photos are cropped, mirrored and tinted, digits moved.

What is drawn for a picture depends on the seed, its position and the number of the view alone, not on how
the pictures are divided into batches or between workers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from torchvision.transforms import v2

from tusou.types import Pixels

SMALLEST_CROP = 0.5
"""Share of the frame's area; captions name things anywhere in it, so more than half stays."""

RATIOS = (0.8, 1.25)
"""Width over height of a crop."""

TINT = 0.2
"""Largest change of brightness, contrast and saturation, as a share."""

DIGIT_DEGREES = 10.0
DIGIT_SHIFT = 0.08
"""Share of the side: about two pixels of 28."""

DIGIT_SCALE = 0.1


def views(
    pictures: Sequence[Pixels], count: int, seed: int, *, size: int, start: int = 0
) -> npt.NDArray[np.uint8]:
    """Alter photos by a random crop, a mirror and a slight tint.

    Args:
        pictures: Each (height, width, 3) uint8.
        count: Views of each picture.
        seed: Other seeds draw other views.
        size: Side of a view, pixels.
        start: Position of the first picture in the data set.

    Returns:
        (pictures, count, size, size, 3) uint8.
    """
    alter = _photo_recipe(size)
    result = np.empty((len(pictures), count, size, size, 3), dtype=np.uint8)
    with torch.random.fork_rng(devices=[]):  # the recipe draws from torch's global generator
        for i, picture in enumerate(pictures):
            planes = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
            for view in range(count):
                torch.manual_seed(_state(seed, start + i, view))
                result[i, view] = alter(planes).permute(1, 2, 0).numpy()
    return result


def move_digits(digits: npt.NDArray[np.uint8], seed: int, *, start: int = 0) -> npt.NDArray[np.uint8]:
    """Turn, shift and scale digits a little; never mirror them.

    Args:
        digits: (n, height, width) uint8, 0 is the ground.
        seed: Give each epoch its own.
        start: Position of the first digit in the data set.

    Returns:
        Array of the same shape and type.
    """
    if not len(digits):
        return digits
    draws = np.random.default_rng(_state(seed, 0, 0))
    unit = draws.uniform(-1, 1, size=(start + len(digits), 4))[start:]  # prefix: independent of batches
    angle, scale = np.radians(DIGIT_DEGREES) * unit[:, 0], 1 + DIGIT_SCALE * unit[:, 1]
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    shift = 2 * DIGIT_SHIFT * unit[:, 2:]  # affine grids run from -1 to 1
    matrices = np.stack([np.stack([cos, -sin, shift[:, 0]], 1), np.stack([sin, cos, shift[:, 1]], 1)], 1)
    planes = torch.from_numpy(digits)[:, None].float()
    grid = functional.affine_grid(torch.from_numpy(matrices).float(), list(planes.shape), align_corners=False)
    moved = functional.grid_sample(planes, grid, align_corners=False)
    return moved[:, 0].round().clamp(0, 255).to(torch.uint8).numpy()


def _photo_recipe(size: int) -> v2.Transform:
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(SMALLEST_CROP, 1.0), ratio=RATIOS, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(TINT, TINT, TINT),
        ]
    )


def _state(seed: int, position: int, view: int) -> int:
    """One generator state for each picture and view."""
    return int(np.random.SeedSequence((seed, position, view)).generate_state(1, np.uint64)[0] >> 1)
