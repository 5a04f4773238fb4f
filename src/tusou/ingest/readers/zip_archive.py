"""A zip of images, with sidecars beside them inside; members are streamed, nothing is unpacked to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Entries, InlineContent, Item, Place, Reading, check_size
from tusou.ingest.members import MAX_ENTRIES, Member, is_bomb, member_item
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import is_hidden, member_problem
from tusou.ingest.sidecars import MAX_SIDECAR_BYTES, SIDECARS, is_companion, split_name

_ENCRYPTED = 0x1


def read_zip(path: Path, options: ReadOptions) -> Entries:
    """Members of a zip in the order of its directory; the item id is the path without ending.

    Raises:
        SourceError: Not a zip, cut short, or with an absurd number of members.
    """
    _open(path).close()
    return Reading(lambda place: _read(path, options, place))


def _open(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist", reason="source_not_found") from None
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SourceError(
            f"{path} is no zip or is cut short ({error}); deliver it again", reason="broken_archive"
        ) from None
    if len(archive.infolist()) > MAX_ENTRIES:
        archive.close()
        raise SourceError(
            f"{path} holds more than {MAX_ENTRIES:,} members; split it", reason="too_many_entries"
        )
    return archive


def _read(path: Path, options: ReadOptions, place: Place) -> Iterator[Item | Refusal]:
    with _open(path) as archive:
        images, sidecars, refusals = _sort_members(path, archive.infolist())
        yield from refusals
        for i, info in enumerate(images):
            place(i / len(images))
            yield _entry(path, archive, info, sidecars.get(split_name(info.filename)[0], {}), options)


def _sort_members(
    path: Path, members: Sequence[zipfile.ZipInfo]
) -> tuple[list[zipfile.ZipInfo], dict[str, dict[str, zipfile.ZipInfo]], list[Refusal]]:
    """Images, sidecars by stem and ending, and what is refused without being read."""
    problems = _problems(path, members)
    good = [info for info in members if not _is_noise(info) and id(info) not in problems]
    stems = {split_name(info.filename)[0] for info in good if split_name(info.filename)[1] not in SIDECARS}
    images: list[zipfile.ZipInfo] = []
    sidecars: dict[str, dict[str, zipfile.ZipInfo]] = defaultdict(dict)
    for info in good:
        stem, ending = split_name(info.filename)
        if ending in SIDECARS and stem in stems:
            sidecars[stem][ending] = info
        else:
            images.append(info)
    return images, sidecars, list(problems.values())


def _problems(path: Path, members: Sequence[zipfile.ZipInfo]) -> dict[int, Refusal]:
    """Refusals by the id() of their member."""
    found: dict[int, Refusal] = {}
    total, size = 0, path.stat().st_size
    end = 0
    for info in sorted(members, key=lambda info: info.header_offset):
        reason, message = _problem(info)
        total += info.file_size
        if info.header_offset < end:
            reason, message = "archive_bomb", "it shares its bytes with another member"
        elif is_bomb(total, size):
            reason, message = "archive_bomb", f"the archive unpacks to over {total:,} bytes from {size:,}"
        end = max(end, info.header_offset + info.compress_size)
        if reason and not _is_noise(info):
            found[id(info)] = Refusal(f"{path.name}:{info.filename}", reason, message, info.filename)
    return found


def _is_noise(info: zipfile.ZipInfo) -> bool:
    return info.is_dir() or is_hidden(info.filename) or is_companion(info.filename)


def _problem(info: zipfile.ZipInfo) -> tuple[str, str]:
    if escape := member_problem(info.filename):
        return "path_escape", escape
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "archive_link", "it is a symbolic link"
    if kind not in (0, stat.S_IFREG):
        return "not_a_file", "it is a device, socket or FIFO"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted", "it is encrypted; deliver the archive without a password"
    if is_bomb(info.file_size, info.compress_size):
        return "archive_bomb", f"{info.file_size:,} bytes out of {info.compress_size:,}"
    return "", ""


def _entry(
    path: Path,
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    sidecars: Mapping[str, zipfile.ZipInfo],
    options: ReadOptions,
) -> Item | Refusal:
    try:
        data = _member_bytes(archive, info, options.max_file_bytes)
        texts = {ending: _member_bytes(archive, side, MAX_SIDECAR_BYTES) for ending, side in sidecars.items()}
    except SourceError as error:
        return Refusal(f"{path.name}:{info.filename}", error.reason, str(error), info.filename)
    stamp = f"crc32:{info.CRC:08x}:{info.file_size}"
    return member_item(Member(path.name, info.filename, InlineContent(data), stamp), texts, options)


def _member_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    check_size(info.file_size, max_bytes)
    try:
        with archive.open(info) as member:
            data = member.read(info.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"the member cannot be unpacked: {error}", reason="broken_archive") from None
    if len(data) != info.file_size:
        raise SourceError("the member is not as long as the directory says", reason="broken_archive")
    return data
