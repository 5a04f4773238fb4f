"""A list of addresses: one per line, ``#`` begins a comment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.ingest.items import Entries, Item, Place, Reading
from tusou.ingest.options import ReadOptions
from tusou.ingest.rows import row_item
from tusou.ingest.textfile import LineReader


def read_urls(path: Path, options: ReadOptions) -> Entries:
    """Addresses of a text file; the item id is the address.

    Raises:
        SourceError: The file cannot be read.
    """
    LineReader(path, options.encoding)
    return Reading(lambda place: _read(path, options, place))


def _read(path: Path, options: ReadOptions, place: Place) -> Iterator[Item | Refusal]:
    lines = LineReader(path, options.encoding)
    for number, line in enumerate(lines, start=1):
        place(lines.fraction)
        address = line.strip("\ufeff \t\r\n")
        if address and not address.startswith("#"):
            yield row_item({"url": address}, path.parent, options, f"{path.name}:{number}", number)
