"""GCompris: photographs, paintings and drawings of a children's program, each with its own licence.

The pictures lie in Qt resource bundles, beside README files that name author, licence and source page of
each. Titles and texts are those of the activities; Chinese comes from GCompris's own catalogue (zh_TW) and
word list (zh_CN).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote

from PIL import Image

from build_demo_library.model import Item, Metadata, Supplier, chinese, license_code, unique
from build_demo_library.packages import Package, Stanza, parse_copyright, stanza_of
from build_demo_library.pictures import trim
from build_demo_library.qt import read_objects, read_property, read_qm, read_rcc

PACKAGES = ("gcompris-qt-data",)
SUPPLIER = Supplier(
    name="gcompris",
    title="GCompris",
    url="https://gcompris.net/",
    authority=0.8,
    license="",
    terms="Each image names its own licence; the source is Debian's source package gcompris-qt.",
    contact="gcompris-devel@kde.org",
)
_ROOT = "gcompris/src/activities/"
_SHARE = "usr/share/gcompris-qt"
_EXPLORE = ("explore_monuments", "explore_farm_animals", "explore_world_animals", "explore_world_music")
_CATEGORIES = ("fishes", "monuments", "others", "renewable", "tools")
_WORDS = f"{_ROOT}lang/resource/"
_LONGEST: Final[dict[Literal["photo", "cutout"], int]] = {"photo": 608, "cutout": 352}
_LESSONS_LEFT_OUT = ("color", "number")  # plain patches of colour, and digits
_KEY = re.compile(r"(Copyright|License|Source|Comment|Files)s?:\s*(.*)")
_FILE = re.compile(r"[^\s:]+\.(?:webp|png|jpg|svg|svgz|ogg|wav|gif)")  # no colon: addresses end like that too
_CAMERA_NUMBER = re.compile(r"\b(?:IMG|DSC[A-Z]?) ?\d+")
_SOURCE_IN_COMMENT = re.compile(r"\bsource at (https?://\S+)")
_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Credit:
    """Who made a picture, under which licence, and where it comes from."""

    copyright: str
    license: str
    source: str = ""
    comment: str = ""


@dataclass(slots=True)
class Resources:
    """Everything the module reads of the package.

    Attributes:
        files: Path inside the bundles to contents.
        credits: Path of a picture to its credit.
        stanzas: The copyright file, for pictures no README names.
        translations: English text to traditional Chinese, of the user interface.
        words: English word to simplified Chinese, of the vocabulary activity.
    """

    files: dict[str, bytes]
    stanzas: list[Stanza]
    translations: dict[str, str]
    credits: dict[str, Credit] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def credit_of(self, path: str) -> Credit | None:
        """Find the credit of a picture: its README's, else the copyright file's, else none."""
        if path in self.credits:
            return self.credits[path]
        stanza = stanza_of(self.stanzas, path.removeprefix("gcompris/"))
        return Credit(stanza.copyright, stanza.license, comment=stanza.comment) if stanza else None

    def in_chinese(self, text: str) -> str:
        """Return GCompris's own translation of one of its texts; empty when it has none."""
        spellings = (text, text.capitalize(), text.lower())
        found = (chinese(self.translations.get(spelling)) for spelling in spellings)
        return next(filter(None, found), self.words.get(text.lower(), ""))


def parse_readme(text: str) -> dict[str, Credit]:
    """Read the paragraphs of a resource README; return file name to credit."""
    found: dict[str, Credit] = {}
    for paragraph in re.split(r"\n\s*\n", text):
        fields, files = _readme_paragraph(paragraph)
        comment = " ".join(fields.get("Comment", []))
        source = " ".join(fields.get("Source", [])) or next(iter(_SOURCE_IN_COMMENT.findall(comment)), "")
        credit = Credit(
            "; ".join(fields.get("Copyright", [])), " ".join(fields.get("License", [])), source, comment
        )
        found |= dict.fromkeys(files, credit)
    return found


def _readme_paragraph(paragraph: str) -> tuple[dict[str, list[str]], list[str]]:
    fields: dict[str, list[str]] = {}
    files: list[str] = []
    key = ""
    for line in map(str.strip, paragraph.splitlines()):
        if match := _KEY.match(line):
            key, line = match[1], match[2].strip()
        if _FILE.fullmatch(line):
            files.append(line)
        elif line and key:
            fields.setdefault(key, []).append(line)
    return fields, files


def load(package: Package) -> Resources:
    """Unpack the bundles and catalogues of the package into memory."""
    share = package.root / _SHARE
    files = {
        path: data
        for bundle in sorted((share / "rcc").glob("*.rcc"))
        for path, data in read_rcc(bundle.read_bytes())
    }
    catalogue = read_qm((share / "translations/gcompris_zh_TW.qm").read_bytes())
    resources = Resources(files, parse_copyright(package.copyright), catalogue)
    for path, data in files.items():
        if path.endswith("/README"):
            folder = path.removesuffix("README")
            named = parse_readme(data.decode("utf-8")).items()
            resources.credits |= {folder + name: credit for name, credit in named}
    english = json.loads(files[f"{_WORDS}content-en.json"])
    simplified = json.loads(files[f"{_WORDS}content-zh_CN.json"])
    for key in english:
        if chinese(simplified.get(key)):
            resources.words.setdefault(english[key].lower(), simplified[key])
    return resources


def items(packages: dict[str, Package]) -> Iterator[Item]:
    """Yield the pictures whose licence is stated."""
    resources = load(packages[PACKAGES[0]])
    for part in (_explored, _planets, _categorized, _erased, _seas, _vocabulary, _puzzles):
        yield from part(resources)


def _explored(resources: Resources) -> Iterator[Item]:
    for activity in _EXPLORE:
        for _, board in _boards(resources, activity):
            for entry in read_objects(board):
                picture = entry.get("image2", "").removeprefix("qrc:/")
                if picture in resources.files:
                    yield from _entry(resources, picture, entry, activity.rsplit("_", 1)[-1])


def _entry(resources: Resources, picture: str, entry: dict[str, str], topic: str) -> Iterator[Item]:
    text = entry.get("text", "")
    yield from _item(
        resources,
        picture,
        title=entry["title"],
        title_zh=resources.in_chinese(entry["title"]),
        description=text,
        description_zh=resources.in_chinese(text),
        keywords=[topic],
    )


def _boards(resources: Resources, activity: str) -> Iterator[tuple[str, str]]:
    prefix = f"{_ROOT}{activity}/resource/board/"
    for path in sorted(resources.files):
        if path.startswith(prefix) and path.endswith(".qml"):
            yield path, resources.files[path].decode("utf-8")


def _planets(resources: Resources) -> Iterator[Item]:
    dataset = resources.files[f"{_ROOT}solar_system/Dataset.js"].decode("utf-8")
    pairs = re.findall(r'"realImg":\s*"qrc:/([^"]+)",\s*"bodyName":\s*qsTr\("([^"]+)"\)', dataset)
    for picture, name in pairs:
        yield from _item(
            resources,
            picture,
            title=name,
            title_zh=resources.in_chinese(name),
            keywords=["solar system"],
            kind="cutout",
        )


def _categorized(resources: Resources) -> Iterator[Item]:
    for category in _CATEGORIES:
        prefix = f"{_ROOT}categorization/resource/images/{category}/"
        heading = "" if category == "others" else category.capitalize()
        for picture in _pictures(resources, prefix):
            word = spoken_name(picture)
            keywords = [word if word not in ("fish", "monument") else "", heading]
            yield from _item(
                resources, picture, title=commons_title(resources, picture) or word, keywords=keywords
            )


def _erased(resources: Resources) -> Iterator[Item]:
    for picture in _pictures(resources, f"{_ROOT}erase/resource/"):
        name = spoken_name(picture)
        yield from _item(
            resources,
            picture,
            title=name,
            title_zh=resources.in_chinese(name),
            description=commons_title(resources, picture),
            keywords=["Animals"],
        )


def _seas(resources: Resources) -> Iterator[Item]:
    for picture in _pictures(resources, f"{_ROOT}clickgame/resource/sea"):
        name = spoken_name(picture)
        yield from _item(resources, picture, title=commons_title(resources, picture) or name, keywords=[name])


def _vocabulary(resources: Resources) -> Iterator[Item]:
    for chapter in json.loads(resources.files[f"{_WORDS}words_sample.json"]):
        for lesson in chapter["content"]:
            if lesson["name"] not in _LESSONS_LEFT_OUT:
                for entry in lesson["content"]:
                    yield from _word(resources, entry, [lesson["name"], chapter["name"]])


def _word(resources: Resources, entry: dict[str, str], lesson: list[str]) -> Iterator[Item]:
    word = entry["description"]
    picture = f"{_WORDS}words_sample/{entry['image']}"
    keywords = ["body parts" if name == "bodyparts" else name for name in lesson]
    yield from _item(
        resources,
        picture,
        title=word,
        title_zh=resources.words.get(word, ""),
        keywords=keywords,
        kind="cutout",
    )


def _puzzles(resources: Resources) -> Iterator[Item]:
    for activity, topic in (("paintings", "paintings"), ("details", "")):
        for _, board in _boards(resources, activity):
            title = read_property(board, "instruction")
            pieces = read_objects(board)
            prefix = f"{_ROOT}{activity}/resource/"
            first = prefix + next(
                piece["pixmapfile"] for piece in pieces if piece["pixmapfile"].endswith(".webp")
            )
            yield from _item(
                resources,
                first,
                title=title,
                title_zh=resources.in_chinese(title),
                keywords=[topic],
                creator=title.split(",")[0] if re.search(r" - 1\d\d\d", title) else "",
                picture=_assembler(resources, prefix, board),
            )


def _assembler(resources: Resources, prefix: str, board: str) -> Callable[[], Image.Image]:
    """Return a function that puts a puzzle's pieces together."""

    def assemble() -> Image.Image:
        pieces = read_objects(board)
        size = re.search(r'"width"\s*:\s*(\d+),\s*"height"\s*:\s*(\d+)', board)
        canvas = Image.new("RGB", (int(size[1]), int(size[2])), "white") if size else None
        for piece in pieces:
            if not piece["pixmapfile"].endswith(".webp"):
                continue
            image = Image.open(io.BytesIO(resources.files[prefix + piece["pixmapfile"]])).convert("RGBA")
            if canvas is None:
                canvas = image.convert("RGB")
            elif "x" in piece:
                paste_centred(canvas, image, float(piece["x"]), float(piece["y"]))
        assert canvas is not None
        return trim(canvas, margin_share=0)

    return assemble


def paste_centred(canvas: Image.Image, piece: Image.Image, x: float, y: float) -> None:
    """Paste a piece with its centre at shares x, y of the canvas, as the game does."""
    left = round(x * canvas.width - piece.width / 2)
    top = round(y * canvas.height - piece.height / 2)
    canvas.paste(piece, (left, top), piece)


def _pictures(resources: Resources, prefix: str) -> list[str]:
    return [path for path in sorted(resources.files) if path.startswith(prefix) and path.endswith(".webp")]


def spoken_name(picture: str) -> str:
    """Return the word a file name spells: ``screwDriver1.webp`` is ``screw driver``."""
    stem = re.sub(r"\d+$", "", Path(picture).stem)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem).replace("_", " ").lower()


def commons_title(resources: Resources, picture: str) -> str:
    """Return the title a picture bears at Wikimedia Commons; empty when it has none but a number."""
    credit = resources.credit_of(picture)
    page = re.search(r"/wiki/File:(.+?)\.\w+$", credit.source) if credit else None
    if not page:
        return ""
    text = re.sub(r"\(\d{6,}\)", "", unquote(page[1]).replace("_", " "))  # numbers of Flickr
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)
    return "" if _CAMERA_NUMBER.search(text) else " ".join(text.split()).strip(" .-")


def _item(
    resources: Resources,
    path: str,
    *,
    title: str,
    title_zh: str = "",
    description: str = "",
    description_zh: str = "",
    keywords: list[str],
    creator: str = "",
    kind: Literal["photo", "cutout"] = "photo",
    picture: Callable[[], Image.Image] | None = None,
) -> Iterator[Item]:
    credit = resources.credit_of(path)
    if credit is None or path not in resources.files:
        return
    words = unique(keywords)
    item_id = re.sub(r"/(?:resource|images?|animals|words_sample)(?=/)", "", path.removeprefix(_ROOT)).rsplit(
        ".", 1
    )[0]
    if picture:
        item_id = re.sub(r"[-_](?:[a-e]?\d|background)$", "", item_id)  # the name of one piece
    metadata = Metadata(
        item_id=re.sub(r"[^A-Za-z0-9_-]+", "-", item_id),
        title_en=title,
        title_zh=title_zh,
        description_en=description if description.casefold() != title.casefold() else "",
        description_zh=description_zh,
        keywords_en=[word.lower() for word in words],
        keywords_zh=unique([resources.in_chinese(word) for word in words]),
        creator=creator or creator_of(credit),
        creator_url=next(iter(_URL.findall(credit.copyright)), ""),
        credit="GCompris",
        copyright=credit.copyright,
        license=license_code(credit.license),
        usage_terms=credit.comment,
        source_url=credit.source,
        filename=path,
    )
    source = picture or _opener(resources.files[path])
    yield Item(metadata, source, kind, longest=_LONGEST[kind])


def _opener(data: bytes) -> Callable[[], Image.Image]:
    return lambda: Image.open(io.BytesIO(data))


def creator_of(credit: Credit) -> str:
    """Return who made the picture: whom the comment says it is based on, else the copyright holder."""
    if match := re.search(r"\bbased on an? .*?\bby ([^,]+)", credit.comment):
        return match[1].strip()
    names = [
        re.sub(r"\bCopyright\b|©|\b\d{4}\b(?:-\d{4})?|[-,]\s*$", "", part)
        for part in credit.copyright.split(";")
    ]
    return ", ".join(unique([_URL.sub("", name).strip(" ,") for name in names]))
