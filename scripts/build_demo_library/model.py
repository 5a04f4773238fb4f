"""What every supplier module yields, and the licences it may yield it under."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

PUBLIC_DOMAIN = "LicenseRef-PublicDomain"
_CC = "https://creativecommons.org/"
_GNU = "https://www.gnu.org/licenses/"
LICENSE_URLS = {
    PUBLIC_DOMAIN: "",
    "CC0-1.0": f"{_CC}publicdomain/zero/1.0/",
    "CC-BY-2.0": f"{_CC}licenses/by/2.0/",
    "CC-BY-3.0": f"{_CC}licenses/by/3.0/",
    "CC-BY-4.0": f"{_CC}licenses/by/4.0/",
    "CC-BY-SA-3.0": f"{_CC}licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": f"{_CC}licenses/by-sa/4.0/",
    "GPL-2.0-or-later": f"{_GNU}old-licenses/gpl-2.0.html",
    "GPL-3.0-only": f"{_GNU}gpl-3.0.html",
    "GPL-3.0-or-later": f"{_GNU}gpl-3.0.html",
    "LGPL-3.0-only": f"{_GNU}lgpl-3.0.html",
}
_SPELLINGS = {
    "public domain": PUBLIC_DOMAIN,
    "public-domain": PUBLIC_DOMAIN,
    "gpl-2+": "GPL-2.0-or-later",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gplv3 or later": "GPL-3.0-or-later",
    "gpl-3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0-only",
}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def license_code(stated: str) -> str:
    """Turn a source's spelling of a licence into its code; empty when it is not one we know."""
    text = " ".join(stated.split())
    code = re.sub(r"^CC[- ](BY(?:-SA)?)[- ](\d\.\d)$", r"CC-\1-\2", text, flags=re.IGNORECASE).upper()
    return code if code in LICENSE_URLS else _SPELLINGS.get(text.lower(), "")


def chinese(text: str | None) -> str:
    """Return the text if it is Chinese; catalogues carry untranslated strings over from the source."""
    return text.strip() if text and _CHINESE.search(text) else ""


def unique(words: list[str]) -> list[str]:
    """Drop empty and repeated words, whatever their case, keeping the order."""
    seen: dict[str, str] = {}
    for word in filter(None, words):
        seen.setdefault(word.casefold(), word)
    return list(seen.values())


@dataclass(frozen=True, slots=True)
class Supplier:
    """The contents of ``supplier.json``; the fields are those of ``tusou.types.Supplier``."""

    name: str
    title: str
    url: str
    authority: float
    license: str
    terms: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the source says about one image; an empty field means it does not say."""

    item_id: str
    title_en: str = ""
    title_zh: str = ""
    description_en: str = ""
    description_zh: str = ""
    keywords_en: list[str]
    keywords_zh: list[str]
    creator: str = ""
    creator_url: str = ""
    credit: str = ""
    copyright: str = ""
    license: str
    license_url: str = ""
    usage_terms: str = ""
    source_url: str = ""
    filename: str
    created: str = ""

    def as_json(self) -> dict[str, object]:
        """All fields, the licence's address filled in."""
        return asdict(self) | {"license_url": self.license_url or LICENSE_URLS[self.license]}


@dataclass(frozen=True, slots=True)
class Item:
    """One image on offer.

    Attributes:
        metadata: What the source says.
        picture: A file of the package, or a function that puts the picture together.
        kind: ``photo`` becomes JPEG, ``drawing`` PNG or WebP with its transparency, ``cutout`` (a
            photograph with a transparent ground) WebP.
        longest: Longest side to commit, pixels; larger pictures are scaled down.
        category: Heading the per-category limit counts under.
        score: How much the source says about it; a category over its limit keeps the best.
    """

    metadata: Metadata
    picture: Path | Callable[[], Image.Image]
    kind: Literal["photo", "drawing", "cutout"]
    longest: int
    category: str = ""
    score: float = 0.0
