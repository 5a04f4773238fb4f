"""Find rows by colour: swatches sorted by their place in the RGB cube, so that a filter reads few of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from tusou.index.colors import SHARE_FLOOR, lab_distance, lab_of
from tusou.types import Mask

BITS = 5
"""Bits per channel that name a cell of the cube: 32,768 cells with sides of 8 levels."""

_SIDE = 1 << (8 - BITS)
BLOCK = 1 << 14
_MARGIN = 1.05
"""Factor on a cell's radius, which is measured at its corners."""


class SwatchCells:
    """Swatches of rows 0 to n - 1 by cell; immutable.

    Args:
        rgb: (n, swatches, 3) uint8 palettes.
        share: (n, swatches) part of the picture each swatch covers.
    """

    def __init__(self, rgb: npt.NDArray[np.uint8], share: npt.NDArray[np.floating]) -> None:
        self.rows, self._per_row = share.shape
        counted = np.flatnonzero(share.reshape(-1) >= SHARE_FLOOR)
        colors = np.take(rgb.reshape(-1, 3), counted, axis=0)
        cells = _cells_of(colors)
        order = np.argsort(cells, kind="stable")
        self._swatches = counted[order].astype(np.int32)
        parts = np.array_split(np.take(colors, order, axis=0), len(counted) // BLOCK + 1)
        self._lab = np.concatenate([lab_of(part) for part in parts])  # in parts that fit the cache
        self._starts = np.searchsorted(cells[order], np.arange((1 << 3 * BITS) + 1))

    def near(self, color: tuple[int, int, int], tolerance: float) -> Mask:
        """Rows with a swatch within a Lab distance of a colour, (n,).

        Cells that lie wholly inside or outside need no look at their swatches.
        """
        centres, radii = _cell_lab()
        distance = lab_distance(centres, color)
        whole = distance + radii <= tolerance
        mask = np.zeros(self.rows, np.bool_)
        mask[self._swatches[self._places(whole)] // self._per_row] = True
        edge = self._places((distance - radii <= tolerance) & ~whole)
        edge = edge[lab_distance(self._lab[edge], color) <= tolerance]
        mask[self._swatches[edge] // self._per_row] = True
        return mask

    def _places(self, cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Places of the swatches of some cells."""
        chosen = np.flatnonzero(cells)
        starts, counts = self._starts[chosen], np.diff(self._starts)[chosen]
        shift = np.repeat(starts - np.cumsum(counts) + counts, counts)
        places: npt.NDArray[np.int64] = np.arange(len(shift)) + shift
        return places


def _cells_of(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    high = rgb >> (8 - BITS)
    weights = np.array([1 << 2 * BITS, 1 << BITS, 1], np.uint16)
    cells: npt.NDArray[np.uint16] = (high * weights).sum(axis=1, dtype=np.uint16)
    return cells


@cache
def _cell_lab() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Lab of every cell's centre, and the distance from there to its farthest corner with a margin."""
    cells = np.arange(1 << 3 * BITS)
    low = np.stack([(cells >> shift) % (1 << BITS) for shift in (2 * BITS, BITS, 0)], axis=1) * _SIDE
    centres = lab_of(low + (_SIDE - 1) / 2)
    corners = np.stack(np.meshgrid(*[[0, _SIDE - 1]] * 3), axis=-1).reshape(-1, 3)
    distances = np.linalg.norm(lab_of(low[:, None] + corners) - centres[:, None], axis=2)
    return centres, (distances.max(axis=1) * _MARGIN).astype(np.float32)
