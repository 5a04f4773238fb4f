"""ImageRecord to table row and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from tusou.types import ImageRecord, Metadata, Quality, Swatch

_LISTS = ("keywords_en", "keywords_zh")
_METADATA = tuple(field.name for field in fields(Metadata))
_QUALITY = tuple(field.name for field in fields(Quality))
_FIELDS = tuple(field.name for field in fields(ImageRecord))
_PLAIN = _FIELDS[: _FIELDS.index("quality")]
_CODED = _FIELDS[_FIELDS.index("quality") + 1 :]

RECORD_COLUMNS = (*_PLAIN, *_QUALITY, *_CODED)
"""Columns of the images table that make a record: its fields in order, quality taken apart."""

_decode_json = json.JSONDecoder().raw_decode  # skips the white-space search of json.loads: half the time


def dump_metadata(metadata: Metadata) -> str:
    """JSON of the fields that are not empty."""
    values = {name: getattr(metadata, name) for name in _METADATA}
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)


def encode_record(record: ImageRecord) -> dict[str, Any]:
    """Column values of a record."""
    values: dict[str, Any] = {name: getattr(record, name) for name in _PLAIN}
    values |= {name: getattr(record.quality, name) for name in _QUALITY}
    values["palette"] = json.dumps([[*swatch.rgb, swatch.share] for swatch in record.palette])
    values["metadata"] = dump_metadata(record.metadata)
    values["warnings"] = ",".join(record.warnings)
    values["added"] = record.added.timestamp()
    values["updated"] = record.updated.timestamp()
    return values


def decode_record(row: Sequence[Any]) -> ImageRecord:
    """The record of a row: RECORD_COLUMNS, then the supplier's licence and usage terms.

    A record without a licence or usage terms of its own carries its supplier's.
    """
    plain, quality = row[: len(_PLAIN)], row[len(_PLAIN) : len(_PLAIN) + len(_QUALITY)]
    palette, metadata, added, updated, warnings, license_, terms = row[len(_PLAIN) + len(_QUALITY) :]
    return ImageRecord(
        **dict(zip(_PLAIN, plain, strict=True)),
        quality=Quality(*quality),
        palette=tuple([Swatch((r, g, b), share) for r, g, b, share in _decode_json(palette)[0]]),
        metadata=decode_metadata(metadata, license_, terms),
        added=datetime.fromtimestamp(added, UTC),
        updated=datetime.fromtimestamp(updated, UTC),
        warnings=tuple(warnings.split(",")) if warnings else (),
    )


def decode_metadata(text: str, default_license: str = "", default_terms: str = "") -> Metadata:
    """Read what dump_metadata wrote; names this version does not know are ignored.

    Args:
        text: JSON.
        default_license: Licence where the image brings none.
        default_terms: Usage terms where the image brings none.
    """
    values = {name: value for name, value in _decode_json(text)[0].items() if name in _METADATA}
    for name in _LISTS:
        if name in values:
            values[name] = tuple(values[name])
    values.setdefault("license", default_license)
    values.setdefault("usage_terms", default_terms)
    return Metadata(**values)
