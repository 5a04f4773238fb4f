"""Tar archives and WebDataset shards: ``crane.jpg`` and ``crane.json`` one after the other, streamed."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import (
    Content,
    Entries,
    InlineContent,
    Item,
    Place,
    Reading,
    SpanContent,
    check_size,
    file_stamp,
    open_regular,
)
from tusou.ingest.members import MAX_ENTRIES, Member, is_bomb, member_item
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import is_hidden, member_problem
from tusou.ingest.sidecars import MAX_SIDECAR_BYTES, SIDECARS, is_companion, split_name

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)


def read_tar(path: Path, options: ReadOptions) -> Entries:
    """Members of one tar, compressed or not; the item id is the sidecar's, else the path without ending.

    Raises:
        SourceError: Not a tar.
    """
    _Shard(path, options).close()
    return Reading(lambda place: _Shard(path, options).entries(place))


def shards_of(folder: Path) -> list[Path]:
    """The tar files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(ENDINGS))


def read_shards(path: Path, options: ReadOptions) -> Entries:
    """Members of all tar files of a folder, shard by shard.

    Raises:
        SourceError: The folder holds no tar.
    """
    shards = shards_of(path)
    if not shards:
        raise SourceError(f"{path} holds no .tar file", reason="source_not_found")
    return Reading(lambda place: _read_shards(shards, options, place))


def _read_shards(shards: list[Path], options: ReadOptions, place: Place) -> Iterator[Item | Refusal]:
    for i, shard in enumerate(shards):
        try:
            yield from _Shard(shard, options).entries(
                lambda fraction, i=i: place((i + fraction) / len(shards))  # type: ignore[misc] # default binds i
            )
        except SourceError as error:
            yield Refusal(shard.name, error.reason, str(error))


@dataclass(slots=True)
class _Group:
    """Neighbours of one stem."""

    stem: str = ""
    images: list[Member] = field(default_factory=list)
    sidecars: dict[str, bytes] = field(default_factory=dict)


class _Shard:
    """One tar being read from front to back."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._file = os.fdopen(open_regular(path), "rb")
        status = os.fstat(self._file.fileno())
        self._size = status.st_size
        self._stamp = file_stamp(status)
        self._unpacked = 0
        try:
            try:
                self._tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115 - closed by close()
                self._plain = True
            except tarfile.ReadError:
                self._file.seek(0)
                self._tar = tarfile.open(fileobj=self._file, mode="r|*")  # noqa: SIM115
                self._plain = False
        except _BROKEN as error:
            self._file.close()
            raise SourceError(
                f"{path} is no tar: {error}; deliver it again", reason="broken_archive"
            ) from None

    def close(self) -> None:
        """Release the file."""
        self._tar.close()
        self._file.close()

    def entries(self, place: Place) -> Iterator[Item | Refusal]:
        """Items and refusals in the order of the archive; damage ends the shard with a refusal."""
        group = _Group()
        try:
            for count, member in enumerate(self._members()):
                place(self._file.tell() / max(self._size, 1))
                if count >= MAX_ENTRIES:
                    raise SourceError(f"more than {MAX_ENTRIES:,} members", reason="too_many_entries")
                stem, ending = split_name(member.name)
                if stem != group.stem:
                    yield from self._items(group)
                    group = _Group(stem)
                refusal = self._collect(group, member, ending)
                if refusal is not None:
                    yield refusal
            yield from self._items(group)
        except SourceError as error:
            yield from self._items(group)
            yield Refusal(self._path.name, error.reason, str(error))
        finally:
            self.close()

    def _members(self) -> Iterator[tarfile.TarInfo]:
        try:
            while (member := self._tar.next()) is not None:
                # The list would keep every header of a large shard.
                self._tar.members = []  # type: ignore[attr-defined] # public, yet missing in the stubs
                member.name = member.name.removeprefix("./")
                self._unpacked += member.size
                if not self._plain and is_bomb(self._unpacked, self._size):
                    raise SourceError(
                        f"it unpacks to over {self._unpacked:,} bytes from {self._size:,}",
                        reason="archive_bomb",
                    )
                if not (member.isdir() or is_hidden(member.name) or is_companion(member.name)):
                    yield member
        except _BROKEN as error:
            raise SourceError(
                f"the archive is cut short or damaged: {error}", reason="broken_archive"
            ) from None

    def _collect(self, group: _Group, member: tarfile.TarInfo, ending: str) -> Refusal | None:
        """Put a member into its group, or refuse it."""
        try:
            self._check(member)
            if ending in SIDECARS:
                check_size(member.size, MAX_SIDECAR_BYTES)
                group.sidecars[ending] = self._read(member)
            else:
                group.images.append(self._image(member))
        except SourceError as error:
            return Refusal(f"{self._path.name}:{member.name}", error.reason, str(error), member.name)
        return None

    def _check(self, member: tarfile.TarInfo) -> None:
        if escape := member_problem(member.name):
            raise SourceError(escape, reason="path_escape")
        if member.issym() or member.islnk():
            raise SourceError("it is a link", reason="archive_link")
        if not member.isreg() or member.issparse():
            raise SourceError("it is no plain file (device, FIFO or sparse)", reason="not_a_file")
        check_size(member.size, self._options.max_file_bytes)

    def _image(self, member: tarfile.TarInfo) -> Member:
        offset = member.offset_data
        stamp = f"{self._stamp}:{offset}:{member.size}"
        content: Content
        if self._plain:
            if offset + member.size > self._size:
                raise SourceError("the archive ends before the member does", reason="broken_archive")
            content = SpanContent(self._path.absolute().resolve(), offset, member.size)
        else:
            content = InlineContent(self._read(member))
        return Member(self._path.name, member.name, content, stamp)

    def _read(self, member: tarfile.TarInfo) -> bytes:
        try:
            file = self._tar.extractfile(member)
            data = file.read() if file is not None else b""
        except _BROKEN as error:
            raise SourceError(
                f"the archive is cut short or damaged: {error}", reason="broken_archive"
            ) from None
        if len(data) != member.size:
            raise SourceError("the archive ends before the member does", reason="broken_archive")
        return data

    def _items(self, group: _Group) -> Iterator[Item | Refusal]:
        """An image with its sidecars; sidecars without an image are refused by name."""
        for member in group.images:
            yield member_item(member, group.sidecars, self._options)
        if group.sidecars and not group.images:
            names = ", ".join(f"{group.stem}{ending}" for ending in group.sidecars)
            yield Refusal(
                f"{self._path.name}:{names}", "missing_image", "a sidecar without its image", group.stem
            )
