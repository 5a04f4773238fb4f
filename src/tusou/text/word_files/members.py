"""Find what to read in what was named: the file itself, a folder, or a zip, wheel or tar around it."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tusou.errors import DataError

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Member:
    """One file.

    Attributes:
        name: Where it lies, for messages.
        size: Bytes as stored, unpacked from the archive.
        open: Opens it for reading; the stream can seek.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]


@contextmanager
def open_members(path: Path) -> Iterator[list[Member]]:
    """Yield the files behind a path, largest first; a plain file comes alone, before its neighbours.

    Raises:
        DataError: ``word_vectors_not_found``: nothing lies at the path, or no file in it.
    """
    if not path.exists():
        raise DataError(f"no {path}: name a file of word vectors", reason="word_vectors_not_found")
    if path.is_dir():
        found = [_file(each) for each in sorted(path.rglob("*")) if each.is_file()]
        yield _largest_first(found, path)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            yield _largest_first([_tarred(tar, info, path) for info in tar if info.isfile()], path)
    elif _is_archive(path):
        with zipfile.ZipFile(path) as archive:
            yield _largest_first([_zipped(archive, info, path) for info in archive.infolist()], path)
    else:
        neighbours = sorted(path.parent.glob("*.parquet"))
        yield [_file(each) for each in (path, *neighbours)]


@contextmanager
def open_unpacked(member: Member) -> Iterator[BinaryIO]:
    """Open a member, through gzip when it begins like one."""
    with member.open() as stream:
        packed = stream.read(2) == _GZIP
        stream.seek(0)
        if not packed:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield cast("BinaryIO", unpacked)


def _is_archive(path: Path) -> bool:
    """True for a zip around files; an npz is a zip as well, but a file of its own kind."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not all(name.endswith(".npy") for name in archive.namelist())


def _largest_first(members: list[Member], path: Path) -> list[Member]:
    if not members:
        raise DataError(f"{path} holds no file", reason="word_vectors_not_found")
    return sorted(members, key=lambda member: -member.size)


def _file(path: Path) -> Member:
    return Member(str(path), path.stat().st_size, lambda: path.open("rb"))


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Member:
    return Member(f"{path}/{info.filename}", info.file_size, lambda: cast("BinaryIO", archive.open(info)))


def _tarred(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> Member:
    return Member(f"{path}/{info.name}", info.size, lambda: cast("BinaryIO", tar.extractfile(info)))
