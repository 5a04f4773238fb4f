"""Read what an image file says about itself: XMP first, then IPTC, then EXIF, then PNG text.

Nothing in here can cost an image: damaged or oversized blocks are dropped with a warning.
"""

from __future__ import annotations

import re
import warnings as python_warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from PIL import Image

from tusou.errors import DecodeError
from tusou.imaging.exif import read_exif
from tusou.imaging.iptc import read_iptc, read_photoshop
from tusou.imaging.jpeg import read_jpeg_header
from tusou.imaging.metatext import clean_text, language_of
from tusou.imaging.sniff import sniff
from tusou.imaging.xmp import Value, read_xmp
from tusou.types import Language, Metadata

MAX_BLOCK_BYTES = 1024 * 1024
"""Largest XMP, IPTC or EXIF block that is read."""

_MAX_KEYWORDS = 500
_TIFF_IPTC, _TIFF_PHOTOSHOP = 33723, 34377

# Where each field is looked for, first choice first: XMP property, IPTC dataset, EXIF tag, PNG keyword.
_TITLE = ("dc:title", "iptc:5", "exif:xp_title", "png:title", "photoshop:Headline", "iptc:105")
_DESCRIPTION = (
    "dc:description",
    "iptc:120",
    "exif:description",
    "exif:xp_comment",
    "exif:xp_subject",
    "png:description",
)
_KEYWORDS = ("dc:subject", "iptc:25", "exif:xp_keywords")
_CREATOR = ("dc:creator", "iptc:80", "exif:artist", "exif:xp_author", "png:author")
_CREATOR_URL = ("cc:attributionURL", "iptc:CiUrlWork")
_CREDIT = ("photoshop:Credit", "iptc:110")
_COPYRIGHT = ("dc:rights", "iptc:116", "exif:copyright", "png:copyright")
_LICENSE_URL = ("cc:license", "rights:WebStatement")
_SOURCE_URL = ("dc:source", "photoshop:Source", "png:source")
_CREATED = (
    "photoshop:DateCreated",
    "xmp:CreateDate",
    "iptc:created",
    "exif:taken",
    "exif:digitized",
    "png:creation time",
)
_CAMERA_NOISE = frozenset(
    {
        "created with gimp",
        "dcim",
        "default",
        "exif_jpeg_picture",
        "konica minolta digital camera",
        "minolta digital camera",
        "olympus digital camera",
        "samsung digital camera",
        "sony dsc",
    }
)

_Found = dict[str, list[Value]]


def read_embedded(data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """Read IPTC, XMP, EXIF and PNG text.

    Args:
        data: An image file; anything else gives empty metadata.

    Returns:
        Metadata (``license`` and ``filename`` stay empty: they are the supplier's to say), and warning codes
        (``broken_xmp``, ``exif_too_large`` …).
    """
    found: _Found = {}
    warnings: list[str] = []
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        for code, block, reader in _blocks(data, warnings):
            if len(block) > MAX_BLOCK_BYTES:
                warnings.append(f"{code}_too_large")
                continue
            try:
                values = reader(block) if block else {}
            except Exception:  # noqa: BLE001 - hostile bytes make parsers raise anything; the image must not suffer
                warnings.append(f"broken_{code}")
                continue
            for name, items in values.items():
                cleaned = [(tag, clean_text(text)) for tag, text in items]
                found.setdefault(name, []).extend(item for item in cleaned if item[1])
    return _metadata(found), tuple(dict.fromkeys(warnings))


_Block = tuple[str, bytes, Callable[[bytes], _Found]]


def _blocks(data: bytes, warnings: list[str]) -> Iterator[_Block]:
    """The metadata blocks of a file, each with its kind and reader."""
    try:
        image_format = sniff(data)
        if image_format == "jpeg":
            header = read_jpeg_header(data)
            yield "xmp", header.xmp, read_xmp
            yield "iptc", header.photoshop, lambda block: _iptc(read_photoshop(block))
            yield "exif", header.exif, lambda block: _exif(_load_exif(block))
            return
    except DecodeError:
        return  # decode says what is wrong with the image itself
    try:
        with Image.open(BytesIO(data), formats=[image_format.upper()]) as image:
            yield from _opened_blocks(image)
    except Exception:  # noqa: BLE001 - as in read_embedded
        warnings.append("broken_metadata")


def _opened_blocks(image: Image.Image) -> Iterator[_Block]:
    """The blocks Pillow finds without decoding."""
    info, tags = image.info, getattr(image, "tag_v2", {})
    yield "xmp", _bytes(info.get("xmp") or info.get("XML:com.adobe.xmp")), read_xmp
    yield "iptc", _bytes(tags.get(_TIFF_IPTC)), lambda block: _iptc(read_iptc(block))
    yield "iptc", _bytes(tags.get(_TIFF_PHOTOSHOP)), lambda block: _iptc(read_photoshop(block))
    yield "exif", _bytes(info.get("exif")) or b"TIFF", lambda _: _exif(image.getexif())
    texts = {
        f"png:{str(key).lower()}": [("", value)] for key, value in info.items() if isinstance(value, str)
    }
    yield "text", b"PNG", lambda _: texts


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return bytes(value) if isinstance(value, (bytes, bytearray)) else b""


def _load_exif(block: bytes) -> Image.Exif:
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + block)
    return tags


def _exif(tags: Image.Exif) -> _Found:
    found: _Found = {f"exif:{name}": [("", text)] for name, text in read_exif(tags).items()}
    keywords = found.get("exif:xp_keywords", [])
    return found | {"exif:xp_keywords": [("", word) for _, text in keywords for word in text.split(";")]}


def _iptc(datasets: Mapping[int, list[str]]) -> _Found:
    found: _Found = {f"iptc:{number}": [("", text) for text in texts] for number, texts in datasets.items()}
    created = " ".join(datasets.get(55, [])[:1] + datasets.get(60, [])[:1])
    return found | {"iptc:created": [("", created)]}


def _metadata(found: _Found) -> Metadata:
    titles = _by_language(found, _TITLE)
    descriptions = _by_language(found, _DESCRIPTION)
    keywords = _keywords(found)
    return Metadata(
        title_en=titles["en"],
        title_zh=titles["zh"],
        description_en=descriptions["en"],
        description_zh=descriptions["zh"],
        keywords_en=keywords["en"],
        keywords_zh=keywords["zh"],
        creator=_joined(found, _CREATOR),
        creator_url=_url(found, _CREATOR_URL),
        credit=_joined(found, _CREDIT),
        copyright=_joined(found, _COPYRIGHT),
        license_url=_url(found, _LICENSE_URL),
        usage_terms=_joined(found, ("rights:UsageTerms",)),
        model_release=_release(found, "plus:ModelReleaseStatus"),
        property_release=_release(found, "plus:PropertyReleaseStatus"),
        source_url=_url(found, _SOURCE_URL),
        created=next(filter(None, (iso_date(text) for text in _texts(found, _CREATED))), ""),
    )


def _texts(found: _Found, names: tuple[str, ...]) -> Iterator[str]:
    return (text for name in names for _, text in found.get(name, []))


def _by_language(found: _Found, names: tuple[str, ...]) -> dict[Language, str]:
    """The first text of each language; a text tagged with its language goes before x-default."""
    chosen: dict[Language, str] = {"en": "", "zh": ""}
    for name in names:
        for tag, text in sorted(found.get(name, []), key=lambda value: value[0] in ("", "x-default")):
            language = language_of(text, tag)
            if not chosen[language] and text.lower() not in _CAMERA_NOISE and text not in chosen.values():
                chosen[language] = text
    return chosen


def _keywords(found: _Found) -> dict[Language, tuple[str, ...]]:
    """All keywords of all sources, each once, in order."""
    values = [value for name in _KEYWORDS for value in found.get(name, [])][:_MAX_KEYWORDS]
    words: dict[Language, dict[str, None]] = {"en": {}, "zh": {}}
    for tag, word in values:
        words[language_of(word, tag)][word] = None
    return {language: tuple(kept) for language, kept in words.items()}


def _joined(found: _Found, names: tuple[str, ...]) -> str:
    """The values of the first source that has any."""
    for name in names:
        texts = dict.fromkeys(text for _, text in found.get(name, []))
        if texts:
            return ", ".join(texts)
    return ""


def _url(found: _Found, names: tuple[str, ...]) -> str:
    return next((text for text in _texts(found, names) if re.fullmatch(r"https?://[^\s<>\"]+", text)), "")


def _release(found: _Found, name: str) -> str:
    """PLUS code of a release status (``MR-UMR``), which comes as the last part of an address."""
    return next((text.rstrip("/").rpartition("/")[2] for text in _texts(found, (name,))), "")


def iso_date(text: str) -> str:
    """A date of EXIF (``2024:05:17 10:30:00``), IPTC (``20240517 103000+0800``) or ISO form in ISO 8601.

    Returns:
        The date, with time and zone where given; empty when the text is no date.
    """
    text = re.sub(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", text.strip())
    if re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", text) and text[:4] != "0000":
        return text  # XMP allows a year, or a year and a month
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return moment.date().isoformat() if len(text) <= 10 else moment.isoformat()
