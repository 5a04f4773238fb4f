"""JSON files that list images: Karpathy's of Flickr8k, Flickr30k and MSCOCO, or a plain list of objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Entries, Item, Place, Reading, open_regular
from tusou.ingest.mapping import check_fields
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import resolved_root
from tusou.ingest.readers.jsonl import images_beside
from tusou.ingest.rows import row_item
from tusou.ingest.textfile import decode_text

MAX_BYTES = 1 << 30
"""Largest JSON file read; it has to fit into memory (MSCOCO's has 144 MB)."""


def read_karpathy(path: Path, options: ReadOptions) -> Entries:
    """Images of a JSON list; ``filepath``/``filename`` lie below ``images/`` beside it.

    Raises:
        SourceError: Not such a file.
    """
    check_fields(options.columns.values())
    rows = _images(path)
    root = resolved_root(options.images or images_beside(path))
    return Reading(lambda place: _read(path, rows, options, root, place))


def _images(path: Path) -> list[Any]:
    with os.fdopen(open_regular(path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SourceError(f"{path} is larger than {MAX_BYTES:,} bytes; deliver it as JSON Lines")
    try:
        value = json.loads(decode_text(data))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not valid JSON: {error}") from None
    rows = value.get("images") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise SourceError(
            f"{path}: expected a list of images, or an object with one named images", reason="wrong_columns"
        )
    return rows


def _read(
    path: Path, rows: list[Any], options: ReadOptions, root: Path, place: Place
) -> Iterator[Item | Refusal]:
    for number, values in enumerate(rows, start=1):
        place(number / len(rows))
        where = f"{path.name}:{number}"
        if isinstance(values, dict):
            yield row_item(_with_path(values), root, options, where, number)
        else:
            yield Refusal(where, "bad_row", f"expected an object, got {type(values).__name__}", line=number)


def _with_path(values: dict[str, Any]) -> dict[str, Any]:
    """MSCOCO keeps the folder (``filepath``) and the name (``filename``) apart."""
    folder, name = values.get("filepath"), values.get("filename")
    if isinstance(folder, str) and isinstance(name, str):
        return {**values, "filename": f"{folder}/{name}", "filepath": None}
    return values
