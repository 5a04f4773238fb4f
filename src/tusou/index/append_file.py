"""Append-only files whose committed length and checksum live in the manifest."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.errors import IndexCorrupt
from tusou.index.manifest import REBUILD, FileState

BLOCK = 1 << 24
EMPTY = FileState("")


def append(folder: Path, state: FileState, arrays: Iterable[npt.NDArray[Any]]) -> FileState:
    """Write arrays behind the committed part of a file and force them to the disk.

    What lies behind the committed part (left by a crash or a failed commit) is cut off first; a state of size
    0 begins a new file.

    Returns:
        What a manifest should record; without that the bytes do not count.
    """
    crc32 = state.crc32
    path = folder / state.name
    with path.open("r+b" if state.size else "wb") as stream:
        stream.truncate(state.size)
        stream.seek(state.size)
        for array in arrays:
            data = np.ascontiguousarray(array).view(np.uint8).reshape(-1).data
            stream.write(data)
            crc32 = zlib.crc32(data, crc32)
        stream.flush()
        os.fsync(stream.fileno())
        return FileState(state.name, stream.tell(), crc32)


def successor(name: str) -> FileState:
    """An empty file to take the place of one that is written anew (``records-0.bin``, ``records-1.bin``)."""
    stem, _, number = name.removesuffix(".bin").rpartition("-")
    return FileState(f"{stem}-{int(number) + 1}.bin")


def read_committed(
    folder: Path, state: FileState, dtype: np.dtype[Any], start: FileState = EMPTY
) -> npt.NDArray[Any]:
    """Read the committed records behind an earlier committed length.

    Raises:
        IndexCorrupt: The file is missing, short, or differs from its checksum.
    """
    path = folder / state.name
    count = (state.size - start.size) // dtype.itemsize
    try:
        records = np.fromfile(path, dtype, count, offset=start.size)
    except FileNotFoundError:
        records = np.empty(0, dtype)
    if len(records) != count:
        raise IndexCorrupt(f"{path}: shorter than the {state.size} bytes committed; {REBUILD}")
    if zlib.crc32(records.view(np.uint8).data, start.crc32) != state.crc32:
        raise IndexCorrupt(f"{path}: content does not match its checksum; {REBUILD}")
    return records


def check_committed(folder: Path, state: FileState) -> str | None:
    """Compare a file with its manifest entry; the problem found, or None."""
    path = folder / state.name
    crc32, left = 0, state.size
    try:
        with path.open("rb") as stream:
            while left > 0 and (data := stream.read(min(left, BLOCK))):
                crc32, left = zlib.crc32(data, crc32), left - len(data)
    except FileNotFoundError:
        return f"{path}: missing; {REBUILD}"
    if left:
        return f"{path}: {left} of {state.size} committed bytes are missing; {REBUILD}"
    return None if crc32 == state.crc32 else f"{path}: content does not match its checksum; {REBUILD}"
