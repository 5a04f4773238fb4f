"""Suppliers' column names and values to Metadata: aliases, cleaning, languages, dates."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final

from tusou.errors import SourceError
from tusou.ingest.aliases import ALIASES
from tusou.text.language import detect_language
from tusou.types import Metadata

LIMITS: Final = {"title": 1_000, "description": 20_000, "keyword": 200, "other": 4_000}
"""Longest values kept, in characters; the rest is cut off."""

MAX_KEYWORDS: Final = 500

_FIELD_OF: Final = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
_SPLIT: Final = re.compile(r"[,;，；、|\n\r\t]+")
_CONTROLS: Final = r"\x00-\x09\x0b-\x1f\x7f-\x9f"
_BIDI: Final = r"\u202a-\u202e\u2066-\u2069"  # these can make a text look like another one
_PRIVATE: Final = r"\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"
_UNWANTED: Final = re.compile(f"[{_CONTROLS}{_BIDI}{_PRIVATE}]+")
_LANGUAGES: Final = ("en", "zh")
_TEXTS: Final = ("title", "description", "keywords")
_DATE_FORMATS: Final = (
    "%Y:%m:%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
    "%Y:%m:%d",
    "%Y.%m.%d",
    "%Y-%m",
    "%Y",
)
_PLAIN: Final = (
    "creator",
    "credit",
    "copyright",
    "license",
    "usage_terms",
    "model_release",
    "property_release",
)
_URLS: Final = ("creator_url", "license_url", "source_url")


def fold_name(name: str) -> str:
    """A column name as ALIASES spells it: NFKC, lower case, words joined by ``_``."""
    return re.sub(r"[\s\-_./]+", "_", unicodedata.normalize("NFKC", name).strip().lower()).strip("_")


def field_names(columns: Iterable[str], forced: Mapping[str, str] | None = None) -> dict[str, str]:
    """Which field each column fills; columns nobody understands are left out.

    Args:
        columns: Names as the supplier spells them.
        forced: Column to field, from ``--map``; an empty field means "ignore this column".

    Raises:
        SourceError: ``--map`` names a column that is not there or a field that does not exist.
    """
    columns = list(columns)
    names = {column: _FIELD_OF[fold_name(column)] for column in columns if fold_name(column) in _FIELD_OF}
    for column, field in (forced or {}).items():
        if column not in columns:
            raise SourceError(
                f"--map names column {column!r}; the source has: {', '.join(columns)}", reason="bad_mapping"
            )
        names[column] = field
    check_fields((forced or {}).values())
    return {column: field for column, field in names.items() if field}


def check_fields(names: Iterable[str]) -> None:
    """Refuse fields that do not exist.

    Raises:
        SourceError: Naming the field and the known ones.
    """
    unknown = [name for name in names if name and name not in ALIASES]
    if unknown:
        raise SourceError(
            f"--map names field {unknown[0]!r}; fields are: {', '.join(ALIASES)}", reason="bad_mapping"
        )


def map_record(values: Mapping[str, Any], forced: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Rename a record's keys to fields.

    Of several non-empty columns of one field the first wins, except for texts: 标题 and ``title`` side by
    side are both kept, to be sorted by language. A value that is a mapping by language
    (``{"en": …, "zh": …}``) is taken apart.
    """
    record: dict[str, Any] = {}
    for name, value in values.items():
        field = (forced or {}).get(name, _FIELD_OF.get(fold_name(name)))
        for target, part in _by_language(field, value) if field else ():
            if part in (None, "", [], ()):
                continue
            if target in _TEXTS:
                record.setdefault(target, []).append(part)
            else:
                record.setdefault(target, part)
    return record


def _by_language(field: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping) and f"{field}_en" in ALIASES:
        return [(f"{field}_{language}", value.get(language)) for language in _LANGUAGES]
    return [(field, value)]


def metadata_of(record: Mapping[str, Any], filename: str = "") -> Metadata:
    """Metadata out of a record keyed by field (see map_record).

    Texts of no stated language are sorted by detection. Values that cannot be what their field says
    (an address that is not http, a date nobody can read) are dropped; a licence is kept as it was spelled.
    """
    values: dict[str, Any] = {name: clean(_joined(record.get(name)), LIMITS["other"]) for name in _PLAIN}
    values |= {name: clean_url(_joined(record.get(name))) for name in _URLS}
    for field in ("title", "description"):
        values |= _texts(field, record)
    values |= _keywords(record)
    values["created"] = clean_date(_joined(record.get("created")))
    values["filename"] = clean(filename.rsplit("/", 1)[-1], LIMITS["title"])
    return Metadata(**values)


def _texts(field: str, record: Mapping[str, Any]) -> dict[str, str]:
    texts = {
        f"{field}_{code}": clean(_joined(record.get(f"{field}_{code}")), LIMITS[field]) for code in _LANGUAGES
    }
    plain = _parts(record.get(field))
    for code in _LANGUAGES:
        parts = [part for part in plain if detect_language(part) == code]
        sorted_in = "\n".join(parts[:1] if field == "title" else parts)
        texts[f"{field}_{code}"] = texts[f"{field}_{code}"] or clean(sorted_in, LIMITS[field])
    return texts


def _keywords(record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    lists = {code: split_keywords(record.get(f"keywords_{code}")) for code in _LANGUAGES}
    for word in split_keywords(record.get("keywords")):
        lists[detect_language(word)].append(word)
    return {f"keywords_{code}": tuple(dict.fromkeys(words))[:MAX_KEYWORDS] for code, words in lists.items()}


def split_keywords(value: Any) -> list[str]:
    """Keywords out of a list, or out of one text cut at commas, semicolons, bars and line ends."""
    words = [word for part in _parts(value) for word in _SPLIT.split(part)]
    return [word for word in (clean(word, LIMITS["keyword"]) for word in words) if word]


def _parts(value: Any) -> list[str]:
    """Strings out of a string, a number, or a list of such or of ``{"raw": …}`` (Karpathy's sentences)."""
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, Mapping):
        return _parts(value.get("raw", value.get("text")))
    if isinstance(value, list | tuple):
        return [part for element in value for part in _parts(element)]
    return [str(value)]


def _joined(value: Any) -> str:
    return "\n".join(_parts(value))


def clean(text: str, limit: int) -> str:
    """Text without control characters, lone surrogates and outer spaces, NFC, at most ``limit`` long."""
    kept = _UNWANTED.sub("", text[: 4 * limit])
    return unicodedata.normalize("NFC", kept).strip()[:limit].rstrip()


def clean_url(text: str) -> str:
    """An http or https address, else an empty string: addresses end up in links people click."""
    text = clean(text, LIMITS["other"])
    return text if re.fullmatch(r"https?://[^\s<>\"']+", text, re.IGNORECASE) else ""


def clean_date(text: str) -> str:
    """A date as ISO 8601, as exact as it came (``2024``, ``2024-05``, …), else empty."""
    text = clean(text, 40)
    text = re.sub(r"(\d{4})年(\d{1,2})月(\d{1,2})日", r"\1/\2/\3", text)
    if not text:
        return ""
    if re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", text):
        return text
    try:
        return _iso(datetime.fromisoformat(text), text)
    except ValueError:
        pass
    for pattern in _DATE_FORMATS:
        try:
            return _iso(datetime.strptime(text, pattern), text)  # noqa: DTZ007 - suppliers give local times
        except ValueError:
            continue
    return ""


def _iso(date: datetime, text: str) -> str:
    return date.isoformat() if ":" in text.removeprefix(f"{date:%Y:%m:%d}") else date.date().isoformat()


def merge(delivered: Metadata, embedded: Metadata) -> Metadata:
    """What the supplier's table says, holes filled with what the file itself says."""
    holes = {
        field.name: getattr(embedded, field.name)
        for field in fields(Metadata)
        if not getattr(delivered, field.name) and getattr(embedded, field.name)
    }
    return replace(delivered, **holes)


def metadata_digest(metadata: Metadata) -> str:
    """Short digest of delivered metadata; differs whenever a field does."""
    values = [getattr(metadata, field.name) for field in fields(Metadata)]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
