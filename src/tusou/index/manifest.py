"""The index manifest: one JSON file that says which bytes of which files make up the committed index."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tusou.errors import IndexCorrupt, IndexStale

SCHEMA = 1
"""Raised whenever files of an older index can no longer be read; the answer is a rebuild."""

NAME = "manifest.json"
REBUILD = "run `tusou rebuild` to make it anew from the catalog"


@dataclass(frozen=True, slots=True)
class FileState:
    """The committed part of one append-only file.

    Attributes:
        name: File name inside the index folder.
        size: Committed bytes; anything behind them was never committed.
        crc32: CRC-32 of those bytes.
    """

    name: str
    size: int = 0
    crc32: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one commit made durable.

    Attributes:
        model_id: Model whose embeddings are indexed.
        dim: Their length.
        identity: Random name given when the index was begun; a rebuilt one has another.
        generation: Number of the commit.
        watermark: Catalog change number up to which the index is complete.
        rows: Rows ever assigned as far as the index knows, dead ones included.
        live: Rows that may be found.
        text_opstamp: Operation number of the inverted index' own commit.
        dictionaries: Dictionary name to its values, in the order of their codes.
        trained_rows: Rows the vector codes' parameters were fitted on; 0 for no codes yet.
        files: Part name (``records`` …) to its committed bytes.
        schema: Version of the files' layout.
    """

    model_id: str
    dim: int
    identity: str = ""
    generation: int = 0
    watermark: int = 0
    rows: int = 0
    live: int = 0
    text_opstamp: int = 0
    dictionaries: dict[str, list[str]] = field(default_factory=dict)
    trained_rows: int = 0
    files: dict[str, FileState] = field(default_factory=dict)
    schema: int = SCHEMA


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of an index folder; None when nothing was ever committed there.

    Raises:
        IndexCorrupt: The file is damaged.
        IndexStale: It was written by another version of tusou.
    """
    path = folder / NAME
    try:
        envelope = json.loads(path.read_text(encoding="utf-8"))
        body: dict[str, Any] = envelope["manifest"]
        sound = envelope["crc32"] == zlib.crc32(_canonical(body))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IndexCorrupt(f"{path}: not a readable manifest ({error}); {REBUILD}") from error
    if not sound:
        raise IndexCorrupt(f"{path}: checksum does not match its content; {REBUILD}")
    if body.get("schema") != SCHEMA:
        raise IndexStale(f"{path}: schema {body.get('schema')}, this version reads {SCHEMA}; {REBUILD}")
    files = {part: FileState(**state) for part, state in body.pop("files").items()}
    return Manifest(**body, files=files)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest atomically and durably; this is the index' commit."""
    body = asdict(manifest)
    text = json.dumps({"crc32": zlib.crc32(_canonical(body)), "manifest": body}, ensure_ascii=False)
    temporary = folder / f"{NAME}.tmp"
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(folder / NAME)
    sync_folder(folder)


def manifest_stamp(folder: Path) -> tuple[int, int] | None:
    """A cheap mark that changes whenever the manifest is replaced (inode and change time)."""
    try:
        status = (folder / NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def sync_folder(folder: Path) -> None:
    """Make file creations and renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
