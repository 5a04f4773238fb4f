"""Three sets of desktop wallpapers: Lomiri (CC), KDE Plasma (CC-BY-SA, LGPL-3), MATE (GPL-2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from defusedxml import ElementTree

from build_demo_library.model import Item, Metadata, Supplier, chinese, license_code, unique
from build_demo_library.packages import Package, Stanza, parse_copyright, stanza_of

LOMIRI_PACKAGES = ("lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04")
PLASMA_PACKAGES = ("plasma-workspace-wallpapers",)
MATE_PACKAGES = ("mate-backgrounds",)
LOMIRI = Supplier(
    name="lomiri",
    title="Lomiri wallpapers",
    url="https://gitlab.com/ubports/development/core/lomiri-wallpapers",
    authority=0.8,
    license="",
    terms="Creative Commons; each image names its own licence.",
    contact="Mike Gabriel <sunweaver@ubports.com>",
)
PLASMA = Supplier(
    name="plasma",
    title="KDE Plasma wallpapers",
    url="https://invent.kde.org/plasma/plasma-workspace-wallpapers",
    authority=0.9,
    license="",
    terms="CC-BY-SA-4.0 or LGPL-3.0, as each wallpaper's own metadata says.",
    contact="plasma-devel@kde.org",
)
MATE = Supplier(
    name="mate",
    title="MATE backgrounds",
    url="https://github.com/mate-desktop/mate-backgrounds",
    authority=0.7,
    license="",
    terms="Each background names its own licence; the source is Debian's source package mate-backgrounds.",
    contact="Martin Wimpress <martin@mate-desktop.org>",
)
_LONGEST = 960
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_YEAR = re.compile(r",?\s*\b\d{4}\b[.,]?\s*")
_ADDRESS = re.compile(r"\s*<[^>]*>[^\w]*")


def holders(copyright_line: str) -> str:
    """Reduce ``2008, Jane Doe <jane@doe>; 2009, …`` to the names, for the creator field."""
    names = [_YEAR.sub(" ", _ADDRESS.sub("", part)).strip(" ,.") for part in copyright_line.split(";")]
    return ", ".join(unique([re.sub(r'^"(.*)"$', r"\1", name) for name in names]))


def lomiri_items(packages: dict[str, Package]) -> Iterator[Item]:
    """Yield the wallpapers the copyright file names, titled by the ``Title_by_Author`` file name."""
    for package in packages.values():
        stanzas = parse_copyright(package.copyright)
        folder = package.name.rsplit("-", 1)[-1]
        for path in sorted((package.root / "usr/share/backgrounds").glob("*.jpg")):
            stanza = stanza_of(stanzas, f"{folder}/{path.name}")
            if stanza:
                title = path.stem.split("_by_")[0].replace("_", " ").replace("-", " ")
                yield _photo(path, path.name, title, stanza)


def mate_items(packages: dict[str, Package]) -> Iterator[Item]:
    """Yield the backgrounds the copyright file names, titled by MATE's own translated lists."""
    package = packages[MATE_PACKAGES[0]]
    stanzas = parse_copyright(package.copyright)
    names = mate_names(package.root / "usr/share/mate-background-properties")
    root = package.root / "usr/share/backgrounds/mate"
    for path in sorted(root.rglob("*.*")):
        place = str(path.relative_to(root))
        stanza = stanza_of(stanzas, place)
        english, chinese_name = names.get(place, ("", ""))
        if stanza and english:
            yield _photo(path, place, english, stanza, chinese_name, [path.parent.name])


def mate_names(folder: Path) -> dict[str, tuple[str, str]]:
    """Return file (below ``backgrounds/mate``) to English and Chinese name."""
    names = {}
    for listing in sorted(folder.glob("*.xml")):
        for entry in ElementTree.fromstring(listing.read_bytes()).iter("wallpaper"):
            spoken = {name.get(_LANGUAGE, "en"): (name.text or "").strip() for name in entry.iter("name")}
            place = (entry.findtext("filename") or "").partition("backgrounds/mate/")[2]
            simplified = chinese(spoken.get("zh_CN")) or chinese(spoken.get("zh_TW"))
            names[place] = (spoken.get("en", ""), simplified)
    return names


def plasma_items(packages: dict[str, Package]) -> Iterator[Item]:
    """Yield each wallpaper's widest daylight version; its own metadata names author, licence and titles."""
    root = packages[PLASMA_PACKAGES[0]].root / "usr/share/wallpapers"
    for listing in sorted(root.glob("*/metadata.json")):
        plugin = json.loads(listing.read_text(encoding="utf-8"))["KPlugin"]
        pictures = sorted((listing.parent / "contents/images").glob("*.*"), key=_width)
        authors = ", ".join(author["Name"] for author in plugin["Authors"])
        place = str(pictures[-1].relative_to(root))
        stanza = Stanza((place,), authors, plugin["License"], "")
        yield _photo(pictures[-1], place, plugin["Name"], stanza, chinese(plugin.get("Name[zh_CN]")))


def _width(path: Path) -> int:
    return int(path.stem.split("x")[0])


def _photo(
    path: Path, place: str, title: str, stanza: Stanza, title_zh: str = "", keywords: list[str] | None = None
) -> Item:
    name = place.split("/")[0] if "contents/" in place else place.rsplit(".", 1)[0]
    metadata = Metadata(
        item_id=re.sub(r"[^A-Za-z0-9_-]+", "-", name),
        title_en=_CAMEL.sub(" ", title),
        title_zh=title_zh,
        keywords_en=keywords or [],
        keywords_zh=[],
        creator=holders(stanza.copyright),
        copyright=stanza.copyright,
        license=license_code(stanza.license),
        filename=place,
    )
    return Item(metadata, path, "photo", _LONGEST)
