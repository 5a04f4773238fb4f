"""Attribute columns: what filters, facets and features read, one array per attribute, position = row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.errors import VectorIndexError
from tusou.index.base import FIELDS, IndexDocument, ScoredRows, best
from tusou.index.colors import FACET_TOLERANCE, NAMED_COLORS, SHARE_FLOOR, lab_distance, lab_of
from tusou.types import Filters, Mask, Orientation, Range, Rows, orientation_of

CHANNELS = 2 * len(FIELDS)
"""Token sequences of a row: words and grams of every field, in the order of FIELDS."""

SWATCHES = 6
FEATURES = 16
"""Feature columns there is room for."""

MIN_FINGERPRINT_QUALITY = 50
"""Below this a picture is too featureless to be near another by fingerprint."""

LICENSE_TYPES = ("commercial", "modification")
ORIENTATIONS: tuple[Orientation, ...] = ("landscape", "portrait", "square", "panoramic")
CODED = ("supplier", "license", "format")
"""Columns whose values are strings, kept as codes into a dictionary."""

DICTIONARIES = {**dict.fromkeys(CODED, 1 << 16), "feature": FEATURES}
"""Dictionary name to the codes there is room for; feature names are places in the feature block."""

Records = npt.NDArray[np.void]
"""(n,) structured, of RECORD or UPDATE."""


RECORD = np.dtype(
    [
        ("added", "<f8"),
        ("token_start", "<u8"),
        ("width", "<u4"),
        ("height", "<u4"),
        ("features", "<f4", (FEATURES,)),
        ("token_counts", "<u2", (CHANNELS,)),
        ("share", "<f2", (SWATCHES,)),
        ("supplier", "<u2"),
        ("license", "<u2"),
        ("format", "<u2"),
        ("rgb", "u1", (SWATCHES, 3)),
        ("fingerprint", "u1", (32,)),
        ("fingerprint_quality", "u1"),
        ("license_type", "u1"),
        ("live", "u1"),
    ]
)
"""Layout of one row on disk: everything of a fixed size the index knows about it."""

UPDATE = np.dtype([("row", "<u4"), ("record", RECORD)])
"""Layout of a journal entry: a row and its new record."""

DERIVED: dict[str, Any] = {"orientation": "u1", "pixels": "f8", "colors": "<u2"}
"""Columns computed from a record when it is loaded: shape code, width x height, bits of NAMED_COLORS."""


class Dictionaries:
    """Codes of strings; a value keeps its code for ever.

    Args:
        values: Dictionary name to its values, in the order of their codes.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = {name: list(values.get(name, ())) for name in DICTIONARIES}
        self._codes = {name: {v: i for i, v in enumerate(kept)} for name, kept in self._values.items()}

    def code(self, name: str, value: str) -> int:
        """Code of a value, given a new one when it is new.

        Raises:
            VectorIndexError: There is no room for another value.
        """
        codes = self._codes[name]
        if value not in codes:
            if len(codes) == DICTIONARIES[name]:
                raise VectorIndexError(f"more than {len(codes)} different {name} values; {value!r} is new")
            codes[value] = len(codes)
            self._values[name].append(value)
        return codes[value]

    def codes(self, name: str, values: Iterable[str]) -> list[int]:
        """Codes of the values that are known."""
        return [self._codes[name][value] for value in values if value in self._codes[name]]

    def values(self, name: str) -> list[str]:
        """Every value, in the order of the codes."""
        return self._values[name]

    def as_dict(self) -> dict[str, list[str]]:
        """What the manifest keeps."""
        return {name: list(values) for name, values in self._values.items()}


def record_of(document: IndexDocument, dictionaries: Dictionaries) -> Records:
    """One document's record, (1,), without its token fields."""
    record = np.zeros(1, RECORD)
    one = record[0]
    one["live"] = 1
    for name in ("added", "width", "height", "fingerprint_quality"):
        one[name] = getattr(document, name)
    for name in CODED:
        one[name] = dictionaries.code(name, getattr(document, name))
    one["license_type"] = _license_bits(document.license_type)
    one["features"] = np.nan
    for name, value in document.features.items():
        one["features"][dictionaries.code("feature", name)] = value
    one["fingerprint"] = np.frombuffer(document.fingerprint, np.uint8)
    for place, swatch in enumerate(document.palette[:SWATCHES]):
        one["rgb"][place], one["share"][place] = swatch.rgb, swatch.share
    return record


class Columns:
    """The attribute columns in memory; every method answers for the rows applied so far.

    Args:
        dictionaries: Codes of the string columns and places of the features.
    """

    def __init__(self, dictionaries: Dictionaries) -> None:
        self.dictionaries = dictionaries
        self.rows = 0
        self._arrays = self._allocate(0)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """One column, (rows, …); a view that later rows do not change."""
        return self._arrays[name][: self.rows]

    def append(self, records: Records) -> None:
        """Add records behind the last row."""
        start, stop = self.rows, self.rows + len(records)
        if stop > len(self._arrays["live"]):
            self._grow(stop)
        self.put(np.arange(start, stop), records)
        self.rows = stop

    def put(self, rows: Rows, records: Records) -> None:
        """Replace records of rows."""
        for name in RECORD.names or ():
            self._arrays[name][rows] = records[name]
        for name, values in _derive(records).items():
            self._arrays[name][rows] = values

    def records(self) -> Records:
        """Every row as a record again, for writing the file anew."""
        records = np.zeros(self.rows, RECORD)
        for name in RECORD.names or ():
            records[name] = self[name]
        return records

    @property
    def live(self) -> Mask:
        """(rows,) True where a row may be found."""
        live: Mask = self["live"].view(np.bool_)
        return live

    def mask(self, filters: Filters) -> Mask | None:
        """Live rows that satisfy the filters; None when the filters are empty."""
        parts = list(self._conditions(filters))
        if not parts:
            return None
        mask = self.live.copy()
        for part in parts:
            mask &= part
        return mask

    def _conditions(self, filters: Filters) -> Iterable[Mask]:
        for name in CODED:
            if values := getattr(filters, name):
                yield _among(self[name], self.dictionaries.codes(name, values))
        if filters.exclude_supplier:
            codes = self.dictionaries.codes("supplier", filters.exclude_supplier)
            yield ~_among(self["supplier"], codes)
        if wanted := _license_bits(filters.license_type):
            yield (self["license_type"] & wanted) == wanted
        if filters.orientation:
            codes = [ORIENTATIONS.index(name) for name in filters.orientation]
            yield _among(self["orientation"], codes)
        for name in ("width", "height", "added"):
            if (interval := getattr(filters, name)) is not None:
                yield _within(self[name], interval, 1)
        if filters.megapixels is not None:
            yield _within(self["pixels"], filters.megapixels, 1e6)
        for rgb in filters.color:
            yield self._has_color(rgb, filters.color_tolerance)

    def _has_color(self, rgb: tuple[int, int, int], tolerance: float) -> Mask:
        near = lab_distance(lab_of(self["rgb"]), rgb) <= tolerance
        return np.asarray((near & (self["share"] >= SHARE_FLOOR)).any(axis=1))

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
        bits, column = (LICENSE_TYPES, "license_type") if name == "license_type" else (NAMED_COLORS, "colors")
        flags = self[column][rows]
        return [(value, int(np.count_nonzero(flags & (1 << bit)))) for bit, value in enumerate(bits)]

    def _allocate(self, capacity: int) -> dict[str, npt.NDArray[Any]]:
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name in RECORD.names or ():
            base, shape = RECORD[name].subdtype or (RECORD[name], ())
            arrays[name] = np.zeros((capacity, *shape), base)
        return arrays | {name: np.zeros(capacity, kind) for name, kind in DERIVED.items()}

    def _grow(self, needed: int) -> None:
        arrays = self._allocate(max(needed, self.rows + self.rows // 4, 1024))
        for name, array in arrays.items():
            array[: self.rows] = self[name]
        self._arrays = arrays


def _derive(records: Records) -> dict[str, npt.NDArray[Any]]:
    width, height = (np.maximum(records[side], 1).astype(np.float64) for side in ("width", "height"))
    orientation = [ORIENTATIONS.index(orientation_of(w, h)) for w, h in zip(width, height, strict=True)]
    lab, counts = lab_of(records["rgb"]), records["share"] >= SHARE_FLOOR
    colors = np.zeros(len(records), np.uint16)
    for bit, rgb in enumerate(NAMED_COLORS.values()):
        near = (lab_distance(lab, rgb) <= FACET_TOLERANCE) & counts
        colors |= near.any(axis=1).astype(np.uint16) << np.uint16(bit)
    return {"orientation": np.array(orientation, np.uint8), "pixels": width * height, "colors": colors}


def _license_bits(allowed: Sequence[str]) -> int:
    return sum(1 << bit for bit, name in enumerate(LICENSE_TYPES) if name in allowed)


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
