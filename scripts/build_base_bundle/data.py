"""What the base bundle learns from, as lines of captions.jsonl: captioned photos and described drawings."""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from build_demo_library import gcompris, openclipart, tuxpaint
from build_demo_library.packages import unpack

KEYWORDS = 8
"""Keywords of one drawing that count as a text each."""

Line = tuple[Path, dict[str, Any]]
"""A picture, and its line: image, split, en, zh."""


def photo_lines(folder: Path) -> Iterator[Line]:
    """Flickr8k: every photo with its English and its Chinese captions, train and dev."""
    for text in (folder / "captions.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        yield folder / "images" / line["image"], line


def drawing_lines(packages: Path, demo: Path) -> Iterator[Line]:
    """Pictures of the demo's packages that are not in the demo, with title and keywords; all in train.

    Args:
        packages: Cache of downloaded packages, as build_demo_library keeps it.
        demo: The demo library's shards: what lies there stays unseen, so that the demo shows how the
            bundle does on a library it does not know.
    """
    shown = set(demo_items(demo))
    for supplier in (openclipart, gcompris, tuxpaint):
        unpacked = {name: unpack(name, packages) for name in supplier.PACKAGES}
        for number, item in enumerate(supplier.items(unpacked)):
            about = item.metadata
            if (supplier.SUPPLIER.name, about.item_id) in shown or not isinstance(item.picture, Path):
                continue
            title = ", ".join([about.title_en, *about.keywords_en[: KEYWORDS // 2]])
            english = _texts(about.title_en, *about.keywords_en[:KEYWORDS], title)
            chinese = _texts(about.title_zh, *about.keywords_zh[:KEYWORDS])
            if english or chinese:
                name = f"{supplier.SUPPLIER.name}-{number}{item.picture.suffix}"
                yield item.picture, {"image": name, "split": "train", "en": english, "zh": chinese}


def _texts(*texts: str) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text.strip(" ,")))


def demo_items(demo: Path) -> Iterator[tuple[str, str]]:
    """(supplier, item id) of every image in the demo's shards."""
    for shard in sorted(demo.glob("*/*.tar")):
        with tarfile.open(shard) as archive:
            for name in archive.getnames():
                if name.endswith(".json"):
                    yield shard.parent.name, name.removesuffix(".json")
