"""One number for technical picture quality, out of the measures taken at ingest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float32]

MEASURES = ("megapixels", "sharpness", "blockiness")
"""What quality is made of. Exposure is left out: a drawing on white paper is not over-exposed."""

SMALLEST, LARGEST = 0.05, 12.0
"""Megapixels that earn nothing and everything; in between each doubling earns the same."""

FULL_DETAIL = 8.0
"""Sharpness (see ``types.Quality``) that earns everything."""


def quality(megapixels: Column, sharpness: Column, blockiness: Column) -> Column:
    """Mean of three marks from 0 to 1: size, detail, and freedom from compression blocks.

    Args:
        megapixels: (n,) size of the original.
        sharpness: (n,) see ``types.Quality``.
        blockiness: (n,) see ``types.Quality``.

    Returns:
        (n,) 0 to 1; NaN where a measure is unknown.
    """
    size = np.log2(np.maximum(megapixels, 1e-6) / SMALLEST) / np.log2(LARGEST / SMALLEST)
    marks = np.stack([size, sharpness / FULL_DETAIL, 1.0 - blockiness])
    mean: Column = np.clip(marks, 0.0, 1.0).mean(axis=0, dtype=np.float32)
    return mean
