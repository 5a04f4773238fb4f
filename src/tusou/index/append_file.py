"""Append-only files whose committed length and checksum live in the manifest."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.errors import IndexCorrupt
from tusou.index.manifest import REBUILD, FileState

BLOCK = 1 << 24
EMPTY = FileState("")


class AppendFile:
    """Writer's side of one append-only file.

    Bytes behind the committed length (left by a crash) are cut off when the file is opened.

    Args:
        folder: The index folder.
        state: Committed part, from the manifest; size 0 makes a new file.
    """

    def __init__(self, folder: Path, state: FileState) -> None:
        path = folder / state.name
        self.name, self._crc32 = state.name, state.crc32
        self._stream = path.open("r+b" if state.size else "w+b")
        self._stream.truncate(state.size)
        self._stream.seek(state.size)

    def append(self, array: npt.NDArray[Any]) -> None:
        """Write an array's bytes; they are durable after sync() and count once the manifest names them."""
        data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        self._stream.write(data.data)
        self._crc32 = zlib.crc32(data.data, self._crc32)

    def sync(self) -> FileState:
        """Force what was appended to the disk and say what a manifest should record."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        return FileState(self.name, self._stream.tell(), self._crc32)

    @property
    def size(self) -> int:
        """Bytes written so far, committed or not."""
        return self._stream.tell()

    def close(self) -> None:
        """Release the file."""
        self._stream.close()


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
