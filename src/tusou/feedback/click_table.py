"""The counts that ranking reads, looked up by index position (see counts.py for what they mean)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import numpy.typing as npt

from tusou.feedback.counts import BehaviorCounts
from tusou.feedback.examination import Examination
from tusou.feedback.tallies import Ints, Tallies
from tusou.text.normalize import normalize
from tusou.types import Rows

Sums = npt.NDArray[np.float32]
"""(m, 4) impressions, examinations, clicks, downloads."""


class ClickTable:
    """A BehaviorSource over sums in memory: about 24 bytes per image and per (words, image) pair seen."""

    def __init__(self, images: _Sorted, pairs: _Sorted, spans: Mapping[str, tuple[int, int]]) -> None:
        """Hold sums; see build().

        Args:
            images: Sums per image.
            pairs: Sums per pair, those of one query side by side.
            spans: Words to the first and past the last entry in pairs.
        """
        self._images, self._pairs, self._spans = images, pairs, spans

    @classmethod
    def build(cls, tallies: Tallies, examination: Examination, rows: Mapping[str, int]) -> Self:
        """Add up what the log says.

        Args:
            tallies: The log.
            examination: Chance that each place is looked at.
            rows: Image id to index position; images without one are left out.
        """
        row = np.array([rows.get(image, -1) for image in tallies.images], np.int64)[tallies.image]
        examined = tallies.impressions * examination.counted(tallies.cells)[tallies.cell]
        sums = np.stack([tallies.impressions, examined, tallies.clicks, tallies.downloads], axis=1)
        kept = row >= 0
        row, text, sums = row[kept], tallies.text[kept], sums[kept]
        image_rows, image_sums = _added(row, sums)
        width = int(row.max(initial=0)) + 1
        keys, pair_sums = _added(text * width + row, sums)
        texts = keys // width
        starts = np.searchsorted(texts, np.arange(len(tallies.texts) + 1))
        spans = {
            words: (int(starts[i]), int(starts[i + 1]))
            for i, words in enumerate(tallies.texts)
            if words and starts[i] < starts[i + 1]
        }
        return cls(_Sorted(image_rows, image_sums), _Sorted(keys % width, pair_sums), spans)

    def of_images(self, rows: Rows) -> BehaviorCounts:
        """Counts of the images in these rows over all queries; none recorded is 0."""
        return self._images.of(rows)

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        """Counts of the images under one query, given as people typed it; compared in normalised spelling."""
        return self._pairs.of(rows, *self._spans.get(normalize(query), (0, 0)))

    def __len__(self) -> int:
        """Number of (words, image) pairs."""
        return len(self._pairs.rows)


class _Sorted:
    """Sums by row, in parts each sorted by row."""

    def __init__(self, rows: Ints, sums: npt.NDArray[np.float64]) -> None:
        self.rows = rows
        self.sums: Sums = sums.astype(np.float32)

    def of(self, rows: Rows, start: int = 0, stop: int | None = None) -> BehaviorCounts:
        """Sums of the rows within one part."""
        known, sums = self.rows[start:stop], self.sums[start:stop]
        if not len(known):
            return BehaviorCounts.none(len(rows))
        at = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        found = np.where((known[at] == rows)[:, None], sums[at], np.float32(0))
        return BehaviorCounts(*np.ascontiguousarray(found.T))


def _added(keys: Ints, sums: npt.NDArray[np.float64]) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Distinct keys in order, and the sums of the entries of each."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    columns = [np.bincount(inverse, column, len(distinct)) for column in sums.T]
    return distinct, np.stack(columns, axis=1)
