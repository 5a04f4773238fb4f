"""What readers deliver: items with their words and a way to get at their bytes, or refusals."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.imaging.sniff import sniff
from tusou.types import Metadata

_HEAD_BYTES = 4096


class Content(Protocol):
    """The bytes of one item, read where they are needed: in the worker process."""

    def read(self, max_bytes: int) -> bytes:
        """All bytes.

        Raises:
            SourceError: The bytes cannot be had (vanished, no regular file, larger than ``max_bytes``).
            DecodeError: The first bytes are no image; the rest is not read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file the supplier keeps; the path is absolute, symbolic links resolved."""

    path: Path

    def read(self, max_bytes: int) -> bytes:
        """See Content.read; never blocks on a FIFO or device."""
        fd = open_regular(self.path)
        try:
            size = os.fstat(fd).st_size
            check_size(size, max_bytes)
            sniff(os.pread(fd, _HEAD_BYTES, 0))
            return _read_exactly(fd, 0, size, self.path)  # the head again: joining would copy the whole file
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class SpanContent:
    """A stretch of a file: an uncompressed archive member."""

    path: Path
    offset: int
    length: int

    def read(self, max_bytes: int) -> bytes:
        """See Content.read."""
        check_size(self.length, max_bytes)
        fd = open_regular(self.path)
        try:
            return _read_exactly(fd, self.offset, self.length, self.path)
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class InlineContent:
    """Bytes the reader already holds."""

    data: bytes

    def read(self, max_bytes: int) -> bytes:
        """See Content.read."""
        check_size(len(self.data), max_bytes)
        return self.data


@dataclass(frozen=True, slots=True)
class UrlContent:
    """Bytes behind an address; fetched before the item reaches a worker."""

    url: str

    def read(self, max_bytes: int) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Never: workers have no business with the network."""
        raise SourceError(f"{self.url} was not fetched", reason="fetch_failed")


@dataclass(frozen=True, slots=True)
class Item:
    """One image as a source delivers it.

    Attributes:
        item_id: The supplier's own id, unique within the supplier.
        path: Where a person would look for it (``set-1.zip:birds/crane.jpg``).
        content: Its bytes.
        metadata: What the source says about it.
        stamp: Changes whenever the bytes may have; empty when the source cannot tell.
        line: Row of the supplier's table, 1-based.
    """

    item_id: str
    path: str
    content: Content
    metadata: Metadata
    stamp: str = ""
    line: int | None = None

    def refuse(self, reason: str, message: str) -> Refusal:
        """A refusal of this item."""
        return Refusal(self.path, reason, message, self.item_id, self.line)


class Entries(Protocol):
    """A source being read.

    Attributes:
        fraction: Part of the source read so far, 0 to 1; drives the progress bar.
    """

    fraction: float

    def __iter__(self) -> Iterator[Item | Refusal]:
        """Items and refusals in the order of the source, the same at every reading."""
        ...


Place = Callable[[float], None]
"""A reader calls it with the part of the source it has read, 0 to 1."""


class Reading:
    """Entries out of a generator function that is given a Place to report to."""

    def __init__(self, read: Callable[[Place], Iterable[Item | Refusal]]) -> None:
        self.fraction = 0.0
        self._read = read

    def __iter__(self) -> Iterator[Item | Refusal]:
        yield from self._read(self._move)
        self.fraction = 1.0

    def _move(self, fraction: float) -> None:
        self.fraction = min(max(fraction, 0.0), 1.0)


def file_stamp(status: os.stat_result) -> str:
    """Stamp of a file: its size and modification time in nanoseconds."""
    return f"{status.st_size}:{status.st_mtime_ns}"


def open_regular(path: Path) -> int:
    """Open a regular file for reading, without ever blocking; returns the descriptor.

    Raises:
        SourceError: ``vanished``, ``not_a_file`` or ``unreadable``.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise SourceError(f"{path} is not there (any more)", reason="vanished") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}", reason="unreadable") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SourceError(f"{path} is no regular file", reason="not_a_file")
    return fd


def check_size(size: int, max_bytes: int) -> None:
    """Refuse a file by its size.

    Raises:
        SourceError: Larger than ``max_bytes``.
    """
    if size > max_bytes:
        raise SourceError(
            f"{size:,} bytes, more than the {max_bytes:,} allowed (setting max_file_bytes)",
            reason="file_too_large",
        )


def _read_exactly(fd: int, offset: int, length: int, path: Path) -> bytes:
    parts = []
    while length:
        try:
            part = os.pread(fd, length, offset)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}", reason="unreadable") from error
        if not part:
            raise SourceError(f"{path} became shorter while it was read", reason="vanished")
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
