"""Attribute columns: what filters, facets and features read, one array per attribute, position = row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.index.base import ScoredRows, best
from tusou.index.colors import FACET_TOLERANCE, NAMED_COLORS, SHARE_FLOOR, lab_distance, lab_of
from tusou.index.records import CODED, LICENSE_TYPES, RECORD, Dictionaries, Records, license_bits
from tusou.index.swatches import SwatchCells
from tusou.types import Filters, Mask, Orientation, Range, Rows

ORIENTATIONS: tuple[Orientation, ...] = ("landscape", "portrait", "square", "panoramic")
MIN_FINGERPRINT_QUALITY = 50
"""Below this a picture is too featureless to be near another by fingerprint."""

MAX_UNSORTED = 4096
"""Rows behind those whose swatches are sorted that a colour filter looks through one by one."""

_DERIVED: dict[str, Any] = {"orientation": "u1", "pixels": "f8"}
_NAMES = RECORD.names or ()
Arrays = dict[str, npt.NDArray[Any]]


class Columns:
    """The attribute columns of the rows up to a number; later rows go into another Columns.

    Args:
        dictionaries: Codes of the string columns and places of the features.
        arrays: Column name to its buffer, at least as long as ``rows``.
        rows: Rows there are.
        cells: Swatches of the first rows, sorted; made when a colour is first asked for.
    """

    def __init__(
        self,
        dictionaries: Dictionaries,
        arrays: Arrays | None = None,
        rows: int = 0,
        cells: SwatchCells | None = None,
    ) -> None:
        self.dictionaries, self.rows = dictionaries, rows
        self._arrays = _allocate(0) if arrays is None else arrays
        self._cells = cells

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """One column, (rows, …)."""
        return self._arrays[name][: self.rows]

    def appended(self, records: Records, dictionaries: Dictionaries) -> Columns:
        """These columns with records behind the last row; the buffers are shared when there is room."""
        rows, arrays = self.rows + len(records), self._arrays
        if rows > len(arrays["live"]):
            arrays = _allocate(max(rows, self.rows + self.rows // 4, 1024))
            for name, array in arrays.items():
                array[: self.rows] = self[name]
        _put(arrays, slice(self.rows, rows), records)
        return Columns(dictionaries, arrays, rows, self._cells)

    def put(self, rows: Rows, records: Records) -> None:
        """Replace records of rows, for everyone who shares the buffers."""
        kept = {name: self[name][rows] for name in ("rgb", "share")}
        if any(not np.array_equal(values, records[name]) for name, values in kept.items()):
            self._cells = None
        _put(self._arrays, rows, records)

    def records(self) -> Records:
        """Every row as a record again, for writing the file anew."""
        records = np.zeros(self.rows, RECORD)
        for name in _NAMES:
            records[name] = self[name]
        return records

    @property
    def live(self) -> Mask:
        """(rows,) True where a row may be found."""
        live: Mask = self["live"].view(np.bool_)
        return live

    def mask(self, filters: Filters) -> Mask | None:
        """Live rows that satisfy the filters; None when the filters are empty."""
        parts = self._conditions(filters)
        mask: Mask | None = None
        for part in parts:
            mask = part & self.live if mask is None else np.logical_and(mask, part, out=mask)
        return mask

    def _conditions(self, filters: Filters) -> Iterable[Mask]:
        for name in CODED:
            if values := getattr(filters, name):
                yield _among(self[name], self.dictionaries.codes(name, values))
        if filters.exclude_supplier:
            yield ~_among(self["supplier"], self.dictionaries.codes("supplier", filters.exclude_supplier))
        if wanted := license_bits(filters.license_type):
            yield (self["license_type"] & wanted) == wanted
        if filters.orientation:
            yield _among(self["orientation"], [ORIENTATIONS.index(name) for name in filters.orientation])
        for name in ("width", "height", "added"):
            if (interval := getattr(filters, name)) is not None:
                yield _within(self[name], interval, 1)
        if filters.megapixels is not None:
            yield _within(self["pixels"], filters.megapixels, 1e6)
        for rgb in filters.color:
            yield self._has_color(rgb, filters.color_tolerance)

    def _has_color(self, rgb: tuple[int, int, int], tolerance: float) -> Mask:
        anchors = list(NAMED_COLORS.values())
        if tolerance == FACET_TOLERANCE and rgb in anchors:
            return np.asarray((self["named_colors"] & (1 << anchors.index(rgb))) != 0)
        if self._cells is None or self.rows - self._cells.rows > MAX_UNSORTED:
            self._cells = SwatchCells(self["rgb"], self["share"])
        first = self._cells.rows
        near = lab_distance(lab_of(self["rgb"][first:]), rgb) <= tolerance
        behind = (near & (self["share"][first:] >= SHARE_FLOOR)).any(axis=1)
        return np.concatenate([self._cells.near(rgb, tolerance), behind])

    def features(self, rows: Rows, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Features of rows, (n, len(names)); NaN where unknown."""
        values = np.full((len(rows), len(names)), np.nan, np.float32)
        for place, name in enumerate(names):
            for code in self.dictionaries.codes("feature", [name]):
                values[:, place] = self["features"][rows, code]
        return values

    def search_fingerprints(self, fingerprint: bytes, max_distance: int, allowed: Mask) -> ScoredRows:
        """Rows within a Hamming distance; featureless pictures only when they are equal."""
        words = self["fingerprint"].view(np.uint64)
        wanted = np.frombuffer(fingerprint, np.uint64)
        distance = np.zeros(self.rows, np.uint16)
        for place in range(len(wanted)):
            distance += np.bitwise_count(words[:, place] ^ wanted[place])
        near = (distance <= max_distance) & allowed
        near &= (distance == 0) | (self["fingerprint_quality"] >= MIN_FINGERPRINT_QUALITY)
        rows = np.flatnonzero(near)
        return best(rows, (1 - distance[rows] / 256).astype(np.float32), len(rows))

    def near_pairs(self, rows: Rows, max_distance: int) -> tuple[Rows, Rows, Mask]:
        """Places of pairs of rows within a Hamming distance, and whether both fingerprints can be trusted."""
        words = self["fingerprint"].view(np.uint64)[rows]
        distance = np.zeros((len(rows), len(rows)), np.uint16)
        for place in range(words.shape[1]):
            distance += np.bitwise_count(words[:, None, place] ^ words[None, :, place])
        detailed = self["fingerprint_quality"][rows] >= MIN_FINGERPRINT_QUALITY
        trusted = detailed[:, None] & detailed[None, :]
        near = np.triu((distance <= max_distance) & ((distance == 0) | trusted), 1)
        first, second = np.nonzero(near)
        return first, second, trusted[first, second]

    def facets(self, rows: Rows | None, names: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        """Count values over rows (all live ones when None); most frequent first, then by value."""
        rows = np.flatnonzero(self.live) if rows is None else rows
        return {name: _ranked(self._count(name, rows)) for name in names}

    def _count(self, name: str, rows: Rows) -> Iterable[tuple[str, int]]:
        if name in CODED:
            values = self.dictionaries.values(name)
            counts = np.bincount(self[name][rows], minlength=len(values))
            return [(value, int(count)) for value, count in zip(values, counts, strict=True) if value]
        if name == "orientation":
            counts = np.bincount(self["orientation"][rows], minlength=len(ORIENTATIONS))
            return list(zip(ORIENTATIONS, map(int, counts), strict=True))
        bits: Iterable[str] = LICENSE_TYPES if name == "license_type" else NAMED_COLORS
        flags = self["license_type" if name == "license_type" else "named_colors"][rows]
        return [(value, int(np.count_nonzero(flags & (1 << bit)))) for bit, value in enumerate(bits)]


def _allocate(capacity: int) -> Arrays:
    arrays: Arrays = {}
    for name in _NAMES:
        base, shape = RECORD[name].subdtype or (RECORD[name], ())
        arrays[name] = np.zeros((capacity, *shape), base)
    return arrays | {name: np.zeros(capacity, kind) for name, kind in _DERIVED.items()}


def _put(arrays: Arrays, place: Rows | slice, records: Records) -> None:
    for name in _NAMES:
        arrays[name][place] = records[name]
    width, height = (np.maximum(records[side], 1).astype(np.float64) for side in ("width", "height"))
    arrays["orientation"][place], arrays["pixels"][place] = _orientations(width, height), width * height


def _orientations(width: npt.NDArray[np.float64], height: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """types.orientation_of for many pictures at once."""
    ratio = width / height
    names = [ratio >= 2.0, np.abs(ratio - 1.0) <= 0.05, ratio > 1.0]
    codes = [ORIENTATIONS.index(name) for name in ("panoramic", "square", "landscape")]
    return np.select(names, codes, ORIENTATIONS.index("portrait")).astype(np.uint8)


def _among(column: npt.NDArray[Any], codes: Sequence[int]) -> Mask:
    inside = np.zeros(len(column), np.bool_)
    for code in codes:
        inside |= column == code
    return inside


def _within(values: npt.NDArray[Any], interval: Range, unit: float) -> Mask:
    inside = np.ones(len(values), np.bool_)
    if interval.low is not None:
        inside &= values >= interval.low * unit
    if interval.high is not None:
        inside &= values <= interval.high * unit
    return inside


def _ranked(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(((value, count) for value, count in counts if count), key=lambda pair: (-pair[1], pair[0]))
