"""The typed filters: their names in both languages, their values, and what is wrong with a bad one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tusou.errors import QueryError
from tusou.imaging.sniff import EXTENSIONS
from tusou.index.colors import NAMED_COLORS
from tusou.search.colors import parse_color
from tusou.search.lexer import Lexeme
from tusou.search.ranges import parse_date_range, parse_megapixels, parse_number_range
from tusou.text.normalize import normalize
from tusou.types import Filters, Range

ORIENTATIONS = {
    "landscape": ("horizontal", "横", "横图", "横向", "横版", "横幅", "横构图"),
    "portrait": ("vertical", "竖", "竖图", "竖向", "竖版", "竖幅", "竖构图"),
    "square": ("方", "方图", "方形", "正方形"),
    "panoramic": ("panorama", "全景", "全景图"),
}
LICENSE_TYPES = {
    "commercial": ("商用", "商业", "可商用"),
    "modification": ("modify", "修改", "改编", "可修改"),
}
FORMATS = {name: tuple(ending[1:] for ending in endings) for name, endings in EXTENSIONS.items()}


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """One filter of the search box.

    Attributes:
        name: Name shown in errors and docs.
        aliases: Other names, Chinese ones included.
        field: Field of ``Filters`` it sets.
        parse: One value as typed to one value of the field.
        allowed: What may stand behind the colon, for people.
        excluding_field: Field set by ``-name:``; empty when the filter cannot be turned round.
    """

    name: str
    aliases: tuple[str, ...]
    field: str
    parse: Callable[[str], Any]
    allowed: str
    excluding_field: str = ""


def _one_of(values: Mapping[str, Sequence[str]]) -> Callable[[str], str]:
    known = {alias: name for name, aliases in values.items() for alias in (name, *aliases)}

    def parse(text: str) -> str:
        folded = normalize(text)
        if folded not in known:
            raise QueryError(f"{text[:40]!r} is not known")
        return known[folded]

    return parse


_NUMBERS = "a number, or a range such as 3-6, 3- or -6"

FILTERS: tuple[FilterSpec, ...] = (
    FilterSpec(
        "supplier", ("source", "来源", "供应商"), "supplier", str, "a supplier's name", "exclude_supplier"
    ),
    FilterSpec(
        "license",
        ("licence", "许可", "许可证", "授权"),
        "license",
        str,
        "a licence such as CC0 or CC-BY-SA-4.0",
    ),
    FilterSpec(
        "license_type",
        ("use", "usage", "用途"),
        "license_type",
        _one_of(LICENSE_TYPES),
        "commercial (商用), modification (修改)",
    ),
    FilterSpec(
        "orientation",
        ("方向", "构图"),
        "orientation",
        _one_of(ORIENTATIONS),
        "landscape (横), portrait (竖), square (方), panoramic (全景)",
    ),
    FilterSpec(
        "color",
        ("colour", "颜色", "色彩"),
        "color",
        parse_color,
        f"a name ({', '.join(NAMED_COLORS)}; 红, 橙, 黄 …) or hex such as #ff8800",
    ),
    FilterSpec("mp", ("megapixels", "像素", "百万像素"), "megapixels", parse_megapixels, _NUMBERS),
    FilterSpec("width", ("宽", "宽度"), "width", parse_number_range, _NUMBERS),
    FilterSpec("height", ("高", "高度"), "height", parse_number_range, _NUMBERS),
    FilterSpec("format", ("filetype", "格式"), "format", _one_of(FORMATS), ", ".join(FORMATS)),
    FilterSpec(
        "date",
        ("added", "日期", "入库"),
        "added",
        parse_date_range,
        "a year, month or day such as 2024, 2024-05, 2024-05-06, or a range such as 2023..2024-06",
    ),
)
"""Every filter of the search box, in the order docs show them."""

_BY_NAME = {name: spec for spec in FILTERS for name in (spec.name, *spec.aliases)}
_LATIN_NAMES = [name for name in _BY_NAME if name.isascii()]
_NEAR = 0.84
"""Similarity from which a word before a colon is taken for a misspelt filter (``form`` is not)."""


def is_filter_name(name: str) -> bool:
    """True for filter names, and for words so close to one that a typing error is likely."""
    folded = normalize(name)
    return folded in _BY_NAME or bool(_nearest(folded))


def _nearest(name: str) -> list[str]:
    return difflib.get_close_matches(name, _LATIN_NAMES, n=1, cutoff=_NEAR)


def parse_filters(pieces: Sequence[Lexeme]) -> Filters:
    """Read the filters of a query.

    A filter typed twice, or values with commas between them, are alternatives; of ranges typed twice the
    common part counts.

    Raises:
        QueryError: An unknown filter or a value it does not take; the message names filter and position.
    """
    values: dict[str, Any] = {}
    for piece in pieces:
        spec = _spec_of(piece)
        field = spec.excluding_field if piece.negated else spec.field
        for value in _values(piece, spec):
            known = values.get(field)
            if isinstance(value, Range):
                values[field] = common_range(known, value)
            elif value not in (known or ()):
                values[field] = (*(known or ()), value)
    return replace(Filters(), **values)


def _spec_of(piece: Lexeme) -> FilterSpec:
    name = normalize(piece.key)
    spec = _BY_NAME.get(name)
    if spec is None:
        near = _nearest(name)[0]
        raise QueryError(
            f"unknown filter {piece.key!r} at character {piece.position}; did you mean {near!r}? "
            "(put the words in quotes to search for them as they are)",
            reason="unknown_filter",
        )
    if piece.negated and not spec.excluding_field:
        raise QueryError(
            f"filter {spec.name!r} at character {piece.position} cannot be turned round with a minus; "
            f"only {', '.join(other.name for other in FILTERS if other.excluding_field)} can",
            reason="bad_filter",
        )
    return spec


def _values(piece: Lexeme, spec: FilterSpec) -> list[Any]:
    texts = [text for part in piece.text.replace("，", ",").split(",") if (text := part.strip())]
    if not texts:
        raise QueryError(_complaint(piece, spec, "has no value"), reason="bad_filter")
    values = []
    for text in texts:
        try:
            values.append(spec.parse(text))
        except QueryError as error:
            raise QueryError(
                _complaint(piece, spec, str(error).split(";")[0]), reason="bad_filter"
            ) from error
    return values


def _complaint(piece: Lexeme, spec: FilterSpec, problem: str) -> str:
    return f"filter {spec.name!r} at character {piece.position}: {problem}; allowed: {spec.allowed}"


def common_range(first: Range | None, second: Range) -> Range:
    """The numbers both intervals hold; an interval turned round (low above high) holds none."""
    if first is None:
        return second
    lows = [bound for bound in (first.low, second.low) if bound is not None]
    highs = [bound for bound in (first.high, second.high) if bound is not None]
    return Range(max(lows, default=None), min(highs, default=None))


def is_unfiltered(filters: Filters) -> bool:
    """True when the filters let every image through."""
    return all(
        getattr(filters, field.name) in ((), None)
        for field in fields(Filters)
        if field.name != "color_tolerance"
    )
