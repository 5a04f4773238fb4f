"""Records: everything of a fixed size the index keeps about a row, as it lies on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tusou.errors import VectorIndexError
from tusou.index.base import FIELDS, IndexDocument
from tusou.index.colors import named_color_bits

CHANNELS = 2 * len(FIELDS)
"""Token sequences of a row: words and grams of every field, in the order of FIELDS."""

SWATCHES = 6
FEATURES = 16
"""Feature columns there is room for."""

FINGERPRINT_BYTES = 32
LICENSE_TYPES = ("commercial", "modification")
CODED = ("supplier", "license", "format")
"""Columns whose values are strings, kept as codes into a dictionary."""

DICTIONARIES = {**dict.fromkeys(CODED, 1 << 16), "feature": FEATURES}
"""Dictionary name to the codes there is room for; feature names are places in the feature block."""

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
        ("named_colors", "<u2"),
        ("rgb", "u1", (SWATCHES, 3)),
        ("fingerprint", "u1", (FINGERPRINT_BYTES,)),
        ("fingerprint_quality", "u1"),
        ("license_type", "u1"),
        ("live", "u1"),
    ]
)
"""Layout of one row; all zero for a row that is dead or was never delivered."""

UPDATE = np.dtype([("row", "<u4"), ("record", RECORD)])
"""Layout of a journal entry: a row and its new record."""

_NO_COLOR, _NO_SHARE = ((0, 0, 0),) * SWATCHES, (0.0,) * SWATCHES

Records = npt.NDArray[np.void]
"""(n,) structured, of RECORD or UPDATE."""


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


def check_document(document: IndexDocument) -> None:
    """Refuse what has no place in a record.

    Raises:
        VectorIndexError: The fingerprint has another length.
    """
    size = len(document.fingerprint)
    if size != FINGERPRINT_BYTES:
        raise VectorIndexError(f"row {document.row}: a fingerprint has {FINGERPRINT_BYTES} bytes, got {size}")


def records_of(documents: Sequence[IndexDocument], dictionaries: Dictionaries) -> Records:
    """Records of documents, (n,), without their tokens.

    Raises:
        VectorIndexError: A dictionary is full.
    """
    records = np.zeros(len(documents), RECORD)
    if not documents:
        return records
    for name in ("added", "width", "height", "fingerprint_quality"):
        records[name] = [getattr(document, name) for document in documents]
    for name in CODED:
        records[name] = [dictionaries.code(name, getattr(document, name)) for document in documents]
    records["license_type"] = [license_bits(document.license_type) for document in documents]
    prints = b"".join(document.fingerprint for document in documents)
    records["fingerprint"] = np.frombuffer(prints, np.uint8).reshape(-1, FINGERPRINT_BYTES)
    records["features"] = np.nan
    records["live"] = 1
    for record, document in zip(records, documents, strict=True):
        for name, value in document.features.items():
            record["features"][dictionaries.code("feature", name)] = value
    palettes = [document.palette[:SWATCHES] for document in documents]
    records["rgb"] = [[*(s.rgb for s in palette), *_NO_COLOR[len(palette) :]] for palette in palettes]
    records["share"] = [[*(s.share for s in palette), *_NO_SHARE[len(palette) :]] for palette in palettes]
    records["named_colors"] = named_color_bits(records["rgb"], records["share"])
    return records


def license_bits(allowed: Sequence[str]) -> int:
    """Bits of what a licence allows, in the order of LICENSE_TYPES."""
    return sum(1 << bit for bit, name in enumerate(LICENSE_TYPES) if name in allowed)
