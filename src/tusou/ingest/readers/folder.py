"""A folder of images, with sidecars beside them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Entries, FileContent, Item, Place, Reading, check_size, open_regular
from tusou.ingest.mapping import metadata_of
from tusou.ingest.options import ReadOptions
from tusou.ingest.places import is_hidden, locate, resolved_root
from tusou.ingest.sidecars import MAX_SIDECAR_BYTES, SIDECARS, is_companion, read_sidecars, split_name


def read_folder(path: Path, options: ReadOptions) -> Entries:
    """Every file below a folder, in the order of names; the item id is the path below the folder.

    Raises:
        SourceError: No folder lies there.
    """
    root = resolved_root(path)
    return Reading(lambda place: _read(root, options, place))


def _read(root: Path, options: ReadOptions, place: Place) -> Iterator[Item | Refusal]:
    names: list[str] = []
    for found in _walk(root):
        if isinstance(found, Refusal):
            yield found
        else:
            names.append(found)
    sidecars = _sidecars_of(names)
    beside = {name for group in sidecars.values() for name in group}
    for i, name in enumerate(names):
        place(i / len(names))
        if name not in beside:
            yield _entry(root, name, sidecars.get(split_name(name)[0], ()), options)


def _walk(root: Path) -> Iterator[str | Refusal]:
    """Paths below the root, in order; folders that cannot be read and links to folders as refusals."""
    waiting = [""]
    while waiting:
        name = waiting.pop()
        path = root / name
        if not name or (path.is_dir() and not path.is_symlink()):
            below = f"{name}/" if name else ""
            try:
                inside = sorted(entry.name for entry in os.scandir(path))
            except OSError as error:
                yield Refusal(below or ".", "unreadable", f"the folder cannot be read: {error.strerror}")
                continue
            found = [f"{below}{base}" for base in reversed(inside)]
            waiting += [each for each in found if not _is_noise(each)]
        elif path.is_dir():
            yield Refusal(name, "symlink", "links to folders are not followed")
        else:
            yield name


def _is_noise(name: str) -> bool:
    return is_hidden(name) or ("/" not in name and is_companion(name))


def _sidecars_of(names: Iterable[str]) -> dict[str, list[str]]:
    """Stem to its sidecar files, for stems that have an image file as well."""
    groups: dict[str, list[str]] = defaultdict(list)
    images: set[str] = set()
    for name in names:
        stem, ending = split_name(name)
        if ending in SIDECARS:
            groups[stem].append(name)
        else:
            images.add(stem)
    return {stem: group for stem, group in groups.items() if stem in images}


def _entry(root: Path, name: str, sidecars: Iterable[str], options: ReadOptions) -> Item | Refusal:
    try:
        content, stamp = locate(root, name)
        texts = {split_name(sidecar)[1]: _read_small(root, sidecar) for sidecar in sidecars}
        record = read_sidecars(texts, options.columns)
    except SourceError as error:
        return Refusal(name, error.reason, str(error), name)
    item_id = str(record.get("item_id") or name)
    return Item(item_id, name, content, metadata_of(record, name), stamp)


def _read_small(root: Path, name: str) -> bytes:
    content, _ = locate(root, name)
    return read_small_file(content)


def read_small_file(content: FileContent) -> bytes:
    """All bytes of a sidecar.

    Raises:
        SourceError: It cannot be read or is absurdly large.
    """
    fd = open_regular(content.path)
    try:
        check_size(os.fstat(fd).st_size, MAX_SIDECAR_BYTES)
        return os.read(fd, MAX_SIDECAR_BYTES)
    finally:
        os.close(fd)
