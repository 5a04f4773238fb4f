"""Tux Paint stamps: photographs cut out and cartoons, captioned in many languages (GPL-2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from build_demo_library.model import Item, Metadata, Supplier, chinese, unique
from build_demo_library.packages import Package

PACKAGES = ("tuxpaint-stamps-default",)
SUPPLIER = Supplier(
    name="tuxpaint",
    title="Tux Paint stamps",
    url="https://tuxpaint.org/stamps/",
    authority=0.6,
    license="GPL-2.0-or-later",
    terms="GNU GPL, version 2 or later; the source is Debian's source package tuxpaint-stamps.",
    contact="Bill Kendrick <bill@newbreedsoftware.com>",
)
_LONGEST = 416
_HOLDER = "2002-2022 by Bill Kendrick"
_LINE = re.compile(r"([A-Za-z_@]+)\.utf8=(.*)")


def parse_captions(text: str) -> dict[str, str]:
    """Read a stamp's caption file: English on the first line, then ``language.utf8=caption`` lines."""
    first, _, rest = text.partition("\n")
    captions = {match[1]: match[2].strip() for match in map(_LINE.match, rest.splitlines()) if match}
    return {"en": first.strip()} | captions


def items(packages: dict[str, Package]) -> Iterator[Item]:
    """Yield every stamp that is a raster image and has a caption."""
    stamps = packages[PACKAGES[0]].root / "usr/share/tuxpaint/stamps"
    for path in sorted(stamps.rglob("*.png")):
        captions = path.with_suffix(".txt")
        if captions.exists():
            yield _item(
                path, path.relative_to(stamps), captions.read_text(encoding="utf-8", errors="replace")
            )


def _item(path: Path, place: Path, captions: str) -> Item:
    caption = parse_captions(captions)
    english, chinese_text = caption["en"], chinese(caption.get("zh_CN")) or chinese(caption.get("zh_TW"))
    metadata = Metadata(
        item_id=str(place.with_suffix("")).replace("/", "-").replace(".", "_"),
        title_en=_title(english),
        title_zh=_title(chinese_text),
        description_en=english if _has_more(english) else "",
        description_zh=chinese_text if _has_more(chinese_text) else "",
        keywords_en=unique(list(place.parts[:-1])),
        keywords_zh=[],
        creator="Bill Kendrick",
        copyright=_HOLDER,
        credit="Tux Paint",
        license=SUPPLIER.license,
        filename=str(place),
    )
    drawn = "cartoon" in place.parts or "symbols" in place.parts
    return Item(metadata, path, "drawing" if drawn else "cutout", _LONGEST)


def _title(caption: str) -> str:
    """The first sentence, without its full stop."""
    return re.split(r"(?<=[.!?])\s|(?<=[。！？])", caption)[0].strip(" .。")


def _has_more(caption: str) -> bool:
    return _title(caption) != caption.strip(" .。")
