"""Checks on tantivy's own files, which end with their checksum."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tusou.index.manifest import REBUILD

META = "meta.json"
SUFFIXES = ("store", "idx", "pos", "term", "fast", "fieldnorm")
"""Files of a segment; deletions have one of their own."""

_FOOTER = struct.Struct("<II")
_FOOTER_MAGIC = 1337


def text_opstamp(folder: Path) -> int:
    """Operation number of the last commit on disk."""
    return int(_read_meta(folder)["opstamp"])


def text_problems(folder: Path) -> Iterator[str]:
    """Compare every file of the last commit with its checksum; one line per problem."""
    try:
        damaged = _damaged(folder)
        while damaged and (again := _damaged(folder)) != damaged:
            damaged = again  # a writer merged files away while they were read
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{folder / META}: not readable ({error}); {REBUILD}"
        return
    yield from (f"{folder / name}: missing or damaged; {REBUILD}" for name in damaged)


def _damaged(folder: Path) -> list[str]:
    return [name for name in _file_names(_read_meta(folder)) if not _sound(folder / name)]


def _read_meta(folder: Path) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads((folder / META).read_text(encoding="utf-8"))
    return meta


def _file_names(meta: dict[str, Any]) -> Iterator[str]:
    for segment in meta["segments"]:
        stem = segment["segment_id"].replace("-", "")
        yield from (f"{stem}.{suffix}" for suffix in SUFFIXES)
        if segment["deletes"]:
            yield f"{stem}.{segment['deletes']['opstamp']}.del"


def _sound(path: Path) -> bool:
    """A file ends with JSON that holds the CRC-32 of its body, the length of that JSON, a magic number."""
    try:
        data = path.read_bytes()
        length, magic = _FOOTER.unpack(data[-_FOOTER.size :])
        footer = json.loads(data[-_FOOTER.size - length : -_FOOTER.size])
        body = memoryview(data)[: -_FOOTER.size - length]
        known = magic == _FOOTER_MAGIC and "version" in footer
        return bool(known and zlib.crc32(body) == footer["crc"])
    except (OSError, ValueError, KeyError, struct.error):
        return False
