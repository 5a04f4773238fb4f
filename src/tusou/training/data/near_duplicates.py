"""Pairs of images whose fingerprints say they are copies of one another."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from tusou.training.data.inspection import Inspection
from tusou.training.data.relevance import Positions

MAX_DISTANCE = 31
"""Bits of 256 in which PDQ hashes of copies may differ, as PDQ advises; others differ in about 128."""

MIN_QUALITY = 50
"""Quality from which a PDQ hash can be trusted; featureless images all look alike to it."""

_BLOCK = 1024


def near_duplicate_pairs(inspection: Inspection) -> Positions:
    """(pairs, 2) positions of images that are near duplicates, the lower first, in order.

    Every image is compared with every other: n² / 2 distances of 256 bits.
    """
    rows = np.flatnonzero(inspection.qualities >= MIN_QUALITY)
    prints = np.ascontiguousarray(inspection.fingerprints[rows])
    index = faiss.IndexBinaryFlat(8 * prints.shape[1])
    index.add(prints)
    found = [_block(index, prints, start) for start in range(0, len(prints), _BLOCK)]
    pairs = np.concatenate([np.empty((0, 2), np.int64), *found])
    later = pairs[:, 0] < pairs[:, 1]
    return np.unique(rows[pairs[later]], axis=0).astype(np.int64)


def _block(index: faiss.IndexBinaryFlat, prints: npt.NDArray[np.uint8], start: int) -> Positions:
    limits, _, neighbours = index.range_search(prints[start : start + _BLOCK], MAX_DISTANCE + 1)
    rows = start + np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(np.int64)))
    return np.stack([rows, neighbours], axis=1).astype(np.int64)
