"""One row of any table (CSV, JSONL, a JSON list) to an item."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Item
from tusou.ingest.mapping import map_record, metadata_of
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import content_of


def row_item(
    values: Mapping[str, Any], root: Path, options: ReadOptions, where: str, number: int
) -> Item | Refusal:
    """The item a row describes; a row that cannot be used is one refusal.

    The item id is the row's id, else the path or address of its image.

    Args:
        values: Column to value.
        root: Folder paths are relative to.
        options: See ReadOptions.
        where: Names the row for people.
        number: 1-based.
    """
    record = map_record(values, options.columns)
    item_id = str(record.get("item_id") or "").strip()
    try:
        content, stamp, path = content_of(root, record)
    except SourceError as error:
        return Refusal(str(record.get("image") or where), error.reason, str(error), item_id, number)
    return Item(item_id or path, path, content, metadata_of(record, path), stamp, number)
