"""CSV and TSV: a heading, then one row per image with its path or address."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Entries, Item, Place, Reading
from tusou.ingest.mapping import field_names
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import resolved_root
from tusou.ingest.rows import row_item
from tusou.ingest.textfile import LineReader

DELIMITERS = (",", "\t", ";", "|")


def read_table(path: Path, options: ReadOptions) -> Entries:
    """Rows of a CSV or TSV file with a heading; delimiter and encoding are found out.

    Raises:
        SourceError: The file cannot be read, is empty, or no column names the image or its address.
    """
    heading = next(iter(LineReader(path, options.encoding)), "").strip("\ufeff\r\n")
    delimiter = max(DELIMITERS, key=lambda mark: _understood(heading, mark, options))
    columns = _cells(heading, delimiter)
    if not {"image", "url"} & set(field_names(columns, options.columns).values()):
        listed = ", ".join(columns) or "none"
        raise SourceError(
            f"{path}: no column names the image file or its address; columns are: {listed}. "
            "Call one image or url, or say which it is with --map COLUMN=image",
            reason="wrong_columns",
        )
    root = resolved_root(options.images or path.parent)
    return Reading(lambda place: _read(path, options, delimiter, root, place))


def _understood(heading: str, delimiter: str, options: ReadOptions) -> tuple[int, int]:
    """How many columns a delimiter makes understandable, and how many it makes at all."""
    columns = _cells(heading, delimiter)
    present = {name: field for name, field in options.columns.items() if name in columns}
    return len(field_names(columns, present)), len(columns)


def _cells(heading: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([heading], delimiter=delimiter), [])]


def _read(
    path: Path, options: ReadOptions, delimiter: str, root: Path, place: Place
) -> Iterator[Item | Refusal]:
    lines = LineReader(path, options.encoding)
    rows = csv.reader(lines, delimiter=delimiter)
    columns = [cell.strip("\ufeff ") for cell in next(rows, [])]
    number = 0
    while True:
        try:
            cells = next(rows, None)
            problem = None
        except (
            csv.Error
        ) as error:  # a field over csv.field_size_limit(), a stray quote; the next line goes on
            cells, problem = [], str(error)
        if cells is None:
            return
        if not cells and problem is None:
            continue
        number += 1
        place(lines.fraction)
        problem = "a line is too long" if lines.take_overlong() else problem
        yield _entry(path, root, options, columns, cells, number, problem)


def _entry(
    path: Path,
    root: Path,
    options: ReadOptions,
    columns: Sequence[str],
    cells: list[str],
    number: int,
    problem: str | None,
) -> Item | Refusal:
    where = f"{path.name}:{number}"
    if problem is not None:
        return Refusal(where, "bad_row", problem, line=number)
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    if len(cells) != len(columns):
        message = f"{len(cells)} cells where the heading has {len(columns)}; check quotes and delimiters"
        return Refusal(where, "wrong_cell_count", message, line=number)
    if any("\0" in cell for cell in cells):
        return Refusal(where, "bad_row", "the row holds NUL characters", line=number)
    if any("\ufffd" in cell for cell in cells):
        message = "characters that are invalid in the file's encoding; name it with --encoding"
        return Refusal(where, "bad_encoding", message, line=number)
    return row_item(dict(zip(columns, cells, strict=True)), root, options, where, number)
