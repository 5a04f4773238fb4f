"""ImageRecord to table row and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from tusou.types import ImageRecord, Metadata, Quality, Swatch

_LISTS = frozenset({"keywords_en", "keywords_zh"})
_METADATA = frozenset(field.name for field in fields(Metadata))
_QUALITY = tuple(field.name for field in fields(Quality))


RECORD_COLUMNS = tuple(field.name for field in fields(ImageRecord))
"""Columns of the images table that are fields of a record, in order."""


def dump_metadata(metadata: Metadata) -> str:
    """JSON of the fields that are not empty."""
    values = {name: getattr(metadata, name) for name in sorted(_METADATA)}
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)


def load_metadata(text: str) -> Metadata:
    """The inverse of dump_metadata; names this version does not know are ignored."""
    return _metadata(json.loads(text))


def _metadata(values: Mapping[str, Any]) -> Metadata:
    known = {name: value for name, value in values.items() if name in _METADATA}
    for name in _LISTS & known.keys():
        known[name] = tuple(known[name])
    return Metadata(**known)


def encode_record(record: ImageRecord) -> dict[str, Any]:
    """Column values of a record."""
    values: dict[str, Any] = {name: getattr(record, name) for name in RECORD_COLUMNS}
    values["quality"] = json.dumps([getattr(record.quality, name) for name in _QUALITY])
    values["palette"] = json.dumps([[*swatch.rgb, swatch.share] for swatch in record.palette])
    values["metadata"] = dump_metadata(record.metadata)
    values["warnings"] = json.dumps(record.warnings)
    values["added"] = record.added.timestamp()
    values["updated"] = record.updated.timestamp()
    return values


def decode_record(row: Sequence[Any]) -> ImageRecord:
    """The record of a row: the columns of RECORD_COLUMNS, then the supplier's licence and usage terms.

    A record without a licence or usage terms of its own carries its supplier's.
    """
    *values, default_license, default_terms = row
    record = dict(zip(RECORD_COLUMNS, values, strict=True))
    metadata = json.loads(record["metadata"])
    metadata["license"] = metadata.get("license") or default_license
    metadata["usage_terms"] = metadata.get("usage_terms") or default_terms
    record["metadata"] = _metadata(metadata)
    record["quality"] = Quality(*json.loads(record["quality"]))
    record["palette"] = tuple(Swatch((r, g, b), share) for r, g, b, share in json.loads(record["palette"]))
    record["warnings"] = tuple(json.loads(record["warnings"]))
    record["added"] = datetime.fromtimestamp(record["added"], UTC)
    record["updated"] = datetime.fromtimestamp(record["updated"], UTC)
    return ImageRecord(**record)
