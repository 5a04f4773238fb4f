"""What the heads are fitted on: captioned photos, described drawings, class names."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tusou.encoders.preprocess import pixel_tensor
from tusou.evaluation.captions import read_captioned_set
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits
from tusou.models.manifest import ImageInput

sys.path.insert(0, str(Path(__file__).parents[1]))
from build_demo_library import gcompris, openclipart, tuxpaint
from build_demo_library.packages import unpack

KEYWORDS = 8
"""Keywords of one drawing that count as a text each."""


@dataclass(frozen=True)
class Described:
    """Pictures and the texts that tell what they show.

    Attributes:
        images: Files.
        texts: All texts.
        image_of_text: (texts,) position of each text's picture.
    """

    images: list[Path]
    texts: list[str]
    image_of_text: np.ndarray


def read_photos(folder: Path, split: str) -> Described:
    """Flickr8k: every photo with its English and its Chinese captions."""
    english, chinese = (read_captioned_set(folder, language, split) for language in ("en", "zh"))
    assert english.images == chinese.images
    return Described(
        list(english.images),
        [*english.captions, *chinese.captions],
        np.concatenate([english.image_of_caption, chinese.image_of_caption]),
    )


def read_drawings(packages: Path, demo: Path) -> Described:
    """Pictures of the demo's packages that are not in the demo, with title and keywords.

    Args:
        packages: Cache of downloaded packages, as build_demo_library keeps it.
        demo: The demo library's shards: what lies there stays unseen, so that the demo shows how the
            bundle does on a library it does not know.
    """
    shown = set(demo_items(demo))
    images: list[Path] = []
    texts: list[str] = []
    owners: list[int] = []
    for supplier in (openclipart, gcompris, tuxpaint):
        unpacked = {name: unpack(name, packages) for name in supplier.PACKAGES}
        for item in supplier.items(unpacked):
            about = item.metadata
            if (supplier.SUPPLIER.name, about.item_id) in shown or not isinstance(item.picture, Path):
                continue
            words = [*about.keywords_en[:KEYWORDS], *about.keywords_zh[:KEYWORDS]]
            said = [about.title_en, about.title_zh, *words]
            said.append(", ".join([about.title_en, *about.keywords_en[: KEYWORDS // 2]]))
            said = [text for text in said if text]
            texts += said
            owners += [len(images)] * len(said)
            images.append(item.picture)
    return Described(images, texts, np.array(owners))


def demo_items(demo: Path) -> Iterator[tuple[str, str]]:
    """(supplier, item id) of every image in the demo's shards."""
    for shard in sorted(demo.glob("*/*.tar")):
        with tarfile.open(shard) as archive:
            for name in archive.getnames():
                if name.endswith(".json"):
                    yield shard.parent.name, name.removesuffix(".json")


def read_class_names(folder: Path) -> tuple[list[str], list[str]]:
    """ImageNet's 1,000 class names in class order, English and Chinese."""
    english, chinese = (
        (folder / name).read_text(encoding="utf-8").splitlines() for name in ("label.txt", "label_cn.txt")
    )
    assert len(english) == len(chinese) == 1000
    return english, chinese


def tensors(images: Iterable[Path], image: ImageInput, batch: int = 8) -> Iterator[np.ndarray]:
    """Decode and prepare pictures exactly as ingest does, in batches."""
    paths = list(images)
    for start in range(0, len(paths), batch):
        chosen = paths[start : start + batch]
        yield pixel_tensor([decode(path.read_bytes(), Limits()).pixels for path in chosen], image)
