"""Making bytes survive power loss, and saying so when the disk has no room."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tusou.errors import StorageFull

_SYNC_THREADS = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's "no space" into StorageFull; other errors pass.

    Raises:
        StorageFull: The disk, the quota or the process's file-size limit is exhausted.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(storage_full_message(path)) from error
        raise


def storage_full_message(path: Path) -> str:
    """Say what happened to the disk below a path and what to do."""
    return f"no room left to write below {path}; nothing acknowledged was lost: free space and run again"


def sync_all(paths: Iterable[Path]) -> None:
    """Make files, and the entries of folders, durable (a new file's name lives in its folder).

    Several at once: the file system then commits them together, which was three times faster than one after
    the other on a busy disk.

    Raises:
        OSError: One could not be written; it must not be acknowledged, and trying again proves nothing.
    """
    with ThreadPoolExecutor(_SYNC_THREADS, "sync") as threads:
        for _ in threads.map(_sync, paths):
            pass


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file whole or not at all: temporary file, fsync, rename, folder fsync."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with storage_errors(path.parent):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)


def dump_json(value: Any) -> bytes:
    """Readable, stable JSON bytes."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
