"""What zip and tar have in common: limits against bombs, and images that meet their sidecars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Content, Item
from tusou.ingest.mapping import metadata_of
from tusou.ingest.options import ReadOptions
from tusou.ingest.sidecars import read_sidecars, split_name

MAX_ENTRIES = 1_000_000
"""Most members of one archive."""

MAX_RATIO = 200
"""Most bytes out per byte in; pictures hardly compress, so more is a bomb."""

RATIO_FREE_BYTES = 4 * 1024 * 1024
"""Below this size any ratio is harmless (a blank BMP compresses 1,000-fold)."""


@dataclass(frozen=True, slots=True)
class Member:
    """An archive member that may be an image.

    Attributes:
        archive: File name of the archive, for messages.
        name: Path inside it.
        content: Its bytes.
        stamp: See Item.
    """

    archive: str
    name: str
    content: Content
    stamp: str


def member_item(member: Member, sidecars: Mapping[str, bytes], options: ReadOptions) -> Item | Refusal:
    """The item of an image and its sidecars; the item id is the sidecar's, else the path without ending."""
    path = f"{member.archive}:{member.name}"
    stem = split_name(member.name)[0]
    try:
        record = read_sidecars(sidecars, options.columns)
    except SourceError as error:
        return Refusal(path, error.reason, str(error), stem)
    item_id = str(record.get("item_id") or stem)
    filename = str(record.get("image") or member.name)
    return Item(item_id, path, member.content, metadata_of(record, filename), member.stamp)


def is_bomb(size: int, packed: int) -> bool:
    """Whether so many bytes out of so few cannot be honest pictures."""
    return size > RATIO_FREE_BYTES and size > MAX_RATIO * max(packed, 1)
