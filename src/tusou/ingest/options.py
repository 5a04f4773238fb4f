"""How a source is to be read, as the person who starts the ingest says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options every reader understands as far as they concern it.

    Attributes:
        columns: Column name to field, on top of the aliases (``--map``); an empty field ignores a column.
        images: Folder the paths in a table are relative to; beside the table when None.
        encoding: Text encoding of a table; found out when empty.
        max_file_bytes: Largest image accepted.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    images: Path | None = None
    encoding: str = ""
    max_file_bytes: int = 256 * 1024 * 1024
