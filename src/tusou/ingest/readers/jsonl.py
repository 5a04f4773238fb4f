"""JSON Lines: one object per image with its path or address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Entries, Item, Place, Reading
from tusou.ingest.mapping import check_fields
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import resolved_root
from tusou.ingest.rows import row_item
from tusou.ingest.sidecars import parse_object
from tusou.ingest.textfile import LineReader


def read_jsonl(path: Path, options: ReadOptions) -> Entries:
    """Objects of a JSON Lines file; paths are relative to it, or to ``images/`` beside it.

    Raises:
        SourceError: The file cannot be read.
    """
    check_fields(options.columns.values())
    LineReader(path, options.encoding)
    root = resolved_root(options.images or images_beside(path))
    return Reading(lambda place: _read(path, options, root, place))


def images_beside(path: Path) -> Path:
    """The ``images`` folder beside a file where there is one, else the file's own folder."""
    folder = path.parent / "images"
    return folder if folder.is_dir() else path.parent


def _read(path: Path, options: ReadOptions, root: Path, place: Place) -> Iterator[Item | Refusal]:
    lines = LineReader(path, options.encoding)
    for number, line in enumerate(lines, start=1):
        place(lines.fraction)
        where = f"{path.name}:{number}"
        if lines.take_overlong():
            yield Refusal(where, "bad_row", "the line is too long", line=number)
        elif line.strip("\ufeff \r\n"):
            try:
                values = parse_object(line.strip("\ufeff"), "bad_row")
            except SourceError as error:
                yield Refusal(where, error.reason, str(error), line=number)
                continue
            yield row_item(values, root, options, where, number)
