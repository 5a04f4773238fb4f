"""Openclipart 0.18: drawings dedicated to the public domain, described by RDF inside each SVG."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from build_demo_library.model import PUBLIC_DOMAIN, Item, Metadata, Supplier, unique
from build_demo_library.packages import Package

PACKAGES = ("openclipart-svg", "openclipart-png")
SUPPLIER = Supplier(
    name="openclipart",
    title="Openclipart",
    url="https://openclipart.org/",
    authority=0.4,
    license=PUBLIC_DOMAIN,
    terms="Dedicated to the public domain by its authors; free for any use.",
    contact="https://openclipart.org/",
)
_LONGEST = 384
_DEDICATIONS = (
    "http://web.resource.org/cc/PublicDomain",
    "http://creativecommons.org/licenses/publicdomain/",
)
_NOT_KEYWORDS = {"hash", "unsorted", "clip art", "clipart", "openclipart"}  # artefacts of the upload script
LIMITS = {
    "animals": 24, "animals/amphibian": 1, "animals/birds": 20, "animals/birds/penguin": 3,
    "animals/bugs": 16, "animals/dinosaurs": 8, "animals/fantasy": 2, "animals/fish": 16,
    "animals/mammals": 32, "animals/mammals/bears": 6, "animals/mammals/big_cats": 8,
    "animals/mammals/dogs": 7, "animals/mammals/horses": 8, "animals/mammals/housecats": 12,
    "buildings": 14, "buildings/furniture": 8, "buildings/homes": 22, "computer": 4,
    "computer/hardware": 12, "containers": 8, "decorations": 6, "education": 10, "education/books": 8,
    "electronics": 8, "electronics/bulb": 4, "food": 20, "food/beverages": 18,
    "food/beverages/alcohol": 5, "food/breads_and_carbs": 10, "food/dairy": 3, "food/desserts": 18,
    "food/fruit": 28, "food/meats_and_eggs": 14, "food/vegetables": 9, "geography": 6,
    "geography/astronomy": 6, "office": 14, "office/telephone": 6, "people": 26, "people/bodypart": 8,
    "people/clothing": 9, "people/clothing/hats": 7, "people/clothing/jewelry": 2, "people/smilies": 6,
    "people/stickmen": 6, "plants": 18, "plants/flowers": 18, "plants/trees": 10,
    "plants/trees/evergreen": 5, "recreation": 8, "recreation/art": 1, "recreation/games": 5,
    "recreation/games/chess": 2, "recreation/holiday": 12, "recreation/holiday/christmas": 6,
    "recreation/holiday/easter": 1, "recreation/holiday/valentines": 3, "recreation/music": 24,
    "recreation/party": 8, "recreation/religion": 4, "recreation/sports": 24, "recreation/toys": 10,
    "science": 6, "science/astronomy": 4, "science/medicine": 3, "signs_and_symbols": 8,
    "signs_and_symbols/clocks": 8, "signs_and_symbols/hazard": 2, "signs_and_symbols/weather": 14,
    "tools": 24, "transportation": 34, "transportation/boating": 10, "transportation/roadsigns": 10,
    "transportation/vehicles": 30,
}  # fmt: skip
"""Images at most per folder, chosen for breadth; a folder that is not named gives none."""
_SHARED_TITLE = 4  # a title on this many files names the collection, not the image
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%d %m %Y")


@dataclass(frozen=True, slots=True)
class Work:
    """The ``cc:Work`` of an SVG, as stated."""

    title: str = ""
    description: str = ""
    creator: str = ""
    creator_url: str = ""
    keywords: tuple[str, ...] = ()
    license: str = ""
    date: str = ""


def parse_work(svg: bytes) -> Work | None:
    """Read the RDF of an SVG; None when there is none or the XML is broken."""
    try:
        root = ElementTree.fromstring(svg)
    except (ParseError, DefusedXmlException):
        return None
    work = next((element for element in root.iter() if _local(element.tag) == "Work"), None)
    if work is None:
        return None
    parts = {_local(part.tag): part for part in work}
    return Work(
        title=_text(parts.get("title")),
        description=_text(parts.get("description")),
        creator=_agent(parts.get("creator")),
        creator_url=_address(parts.get("creator")),
        keywords=tuple(_text(item) for item in _all(parts.get("subject"), "li")),
        license=next(iter(parts["license"].attrib.values()), "") if "license" in parts else "",
        date=_text(parts.get("date")),
    )


def _local(tag: object) -> str:
    return str(tag).rsplit("}", 1)[-1]


def _text(element: Element | None) -> str:
    return " ".join((element.text or "").split()) if element is not None else ""


def _all(element: Element | None, name: str) -> list[Element]:
    return [part for part in element.iter() if _local(part.tag) == name] if element is not None else []


def _agent(element: Element | None) -> str:
    return next((_text(part) for part in _all(element, "title")), _text(element))


def _address(element: Element | None) -> str:
    values = [value for agent in _all(element, "Agent") for value in agent.attrib.values()]
    return next((value for value in values if value.startswith("http") and value not in _DEDICATIONS), "")


def clean_title(title: str) -> str:
    """Drop the collection's prefix and file-name dressing: ``Clipart by A. B. - red_car`` is ``red car``."""
    title = re.sub(r"^Clipart by .*? - ", "", unmangle(title))
    return " ".join(title.replace("_", " ").split())


def unmangle(text: str) -> str:
    """Undo what the upload form did to accents: ``L&Atilde;&copy;zard`` is ``Lézard``."""
    text = html.unescape(text)
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def clean_keywords(words: tuple[str, ...], folder: Path) -> list[str]:
    """Split folder-like keywords, add the folders the file lies in, drop artefacts and repeats."""
    parts = [part for word in (*words, *folder.parts) for part in re.split(r"[/,;]", word)]
    cleaned = [part.replace("_", " ").strip().lower() for part in parts]
    return unique([word for word in cleaned if word not in _NOT_KEYWORDS])


def iso_date(text: str) -> str:
    """Turn the dates found in the collection into ISO 8601; empty when the text is none of them."""
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - only the day is kept
        except ValueError:
            continue
    return ""


def items(packages: dict[str, Package]) -> Iterator[Item]:
    """Yield the drawings that have a rendering, a title of their own, an author and the dedication."""
    drawings = packages["openclipart-svg"].root / "usr/share/openclipart/svg"
    renderings = packages["openclipart-png"].root / "usr/share/openclipart/png"
    found = []
    for path in sorted(renderings.rglob("*.png")):
        place = path.relative_to(renderings)
        drawing = drawings / place.with_suffix(".svg")
        work = parse_work(drawing.read_bytes()) if drawing.exists() else None
        if work and work.title and work.creator and work.license in _DEDICATIONS:
            found.append((path, place, work))
    titles = Counter(work.title for _, _, work in found)
    for path, place, work in found:
        if titles[work.title] < _SHARED_TITLE:
            yield _item(path, place, work)


def _item(path: Path, place: Path, work: Work) -> Item:
    keywords = clean_keywords(work.keywords, place.parent)
    metadata = Metadata(
        item_id=str(place.with_suffix("")).replace("/", "-").replace(".", "_"),
        title_en=clean_title(work.title),
        description_en=unmangle(work.description),
        keywords_en=keywords,
        keywords_zh=[],
        creator=unmangle(work.creator),
        creator_url=work.creator_url,
        credit="Openclipart",
        license=PUBLIC_DOMAIN,
        filename=str(place.with_suffix(".svg")),
        created=iso_date(work.date),
    )
    stated = len(set(work.keywords)) + (2 if work.description else 0)
    return Item(metadata, path, "drawing", _LONGEST, str(place.parent), float(min(stated, 6)))
