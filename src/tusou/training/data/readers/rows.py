"""What the readers share: rows of JSON Lines and whole JSON files, with problems instead of exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tusou.errors import DataError, SourceError
from tusou.ingest.sidecars import parse_object
from tusou.ingest.textfile import LineReader
from tusou.training.data.problems import Problems

_HEAD = 1 << 16


def json_rows(path: Path, problems: Problems) -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects of a JSON Lines file with their places (``captions.jsonl:7``), one line in memory at a time."""
    lines = LineReader(path)
    for number, line in enumerate(lines, start=1):
        where = f"{path.name}:{number}"
        if lines.take_overlong():
            problems.add(where, "bad_row", "the line is too long")
        elif line.strip("\ufeff \t\r\n"):
            try:
                yield where, parse_object(line.strip("\ufeff"), "bad_row")
            except SourceError as error:
                problems.add(where, "bad_row", str(error))


def first_row(path: Path) -> dict[str, Any]:
    """The first object of a JSON Lines file; empty when there is none or it is no such file."""
    return next((row for _, row in json_rows(path, Problems())), {})


def json_object(path: Path) -> dict[str, Any]:
    """A file that is one JSON object; it has to fit into memory (MSCOCO's captions have 144 MB).

    Raises:
        DataError: It is anything else (``bad_json``).
    """
    try:
        return parse_object(path.read_bytes(), "bad_json")
    except SourceError as error:
        raise DataError(f"{path}: {error}; deliver the file again", reason="bad_json") from None


def objects_of(value: object, name: str, problems: Problems) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON list with their places (``images[7]``)."""
    for number, row in enumerate(value if isinstance(value, list) else ()):
        if isinstance(row, dict):
            yield f"{name}[{number}]", row
        else:
            problems.add(f"{name}[{number}]", "bad_row", f"expected an object, got {type(row).__name__}")


def head_of(path: Path) -> bytes:
    """The first 64 KiB of a file."""
    with path.open("rb") as stream:
        return stream.read(_HEAD)


def list_of(row: dict[str, Any], name: str, where: str, problems: Problems) -> list[Any]:
    """A column that should hold a list; empty when it is left out, a problem when it is no list."""
    value = row.get(name)
    if value is None or isinstance(value, list):
        return value or []
    problems.add(where, "bad_row", f"expected a list under {name!r}, got {type(value).__name__}")
    return []
