"""Sidecars: ``crane.txt`` and ``crane.json`` beside ``crane.jpg``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tusou.errors import SourceError
from tusou.ingest.mapping import map_record
from tusou.ingest.textfile import decode_text

SIDECARS = (".json", ".txt")
"""Endings, the more telling first."""

MAX_SIDECAR_BYTES = 4 * 1024 * 1024

_COMPANIONS = frozenset(
    {"supplier.json", "readme", "license", "licence", "copying", "attribution", "authors"}
)


def split_name(name: str) -> tuple[str, str]:
    """A path without its ending, and the ending in lower case (``birds/crane``, ``.jpg``)."""
    stem, dot, ending = name.rpartition(".")
    if not dot or "/" in ending or not stem or stem.endswith("/"):
        return name, ""
    return stem, f".{ending.lower()}"


def is_companion(name: str) -> bool:
    """A file that speaks of the delivery as a whole (README, LICENSE, supplier.json), not of one image."""
    base = name.rsplit("/", 1)[-1].lower()
    return base in _COMPANIONS or split_name(base)[0] in _COMPANIONS


def read_sidecars(texts: Mapping[str, bytes], forced: Mapping[str, str]) -> dict[str, Any]:
    """One record, keyed by field, out of an image's sidecars.

    Args:
        texts: Ending (of SIDECARS) to the file's bytes.
        forced: See ReadOptions.columns.

    Raises:
        SourceError: The JSON is broken or no object (``bad_sidecar``).
    """
    record: dict[str, Any] = {}
    if ".json" in texts:
        record = map_record(parse_object(texts[".json"], "bad_sidecar"), forced)
    if ".txt" in texts:
        record.setdefault("description", []).append(decode_text(texts[".txt"]).strip())
    return record


def parse_object(data: bytes | str, reason: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        SourceError: With the reason given, when it is anything else.
    """
    try:
        value = json.loads(decode_text(data) if isinstance(data, bytes) else data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"not valid JSON: {error}", reason=reason) from None
    if not isinstance(value, dict):
        raise SourceError(f"expected a JSON object, got {type(value).__name__}", reason=reason)
    return value
