"""Ranges of numbers and of dates as people type them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from tusou.errors import QueryError
from tusou.text.normalize import normalize
from tusou.types import Range

_SEPARATORS = ("..", "~", "至", "到")
_LARGEST = 1e12


def parse_number_range(text: str) -> Range:
    """Read ``3-6``, ``3..6``, ``3~6``, ``3到6``, ``3-``, ``-6``, ``>=3``, ``<6`` or ``3`` (exactly that).

    Raises:
        QueryError: It is none of these, or the ends are the wrong way round.
    """
    folded = normalize(text).replace(" ", "")
    low, high = _bounds(folded, "-")
    return _checked(_number(low), _number(high), text)


def parse_megapixels(text: str) -> Range:
    """Read a range of numbers; a single number stands for what rounds to it (``12`` is 11.5 to 12.5).

    Raises:
        QueryError: See parse_number_range.
    """
    given = parse_number_range(text)
    if given.low is not None and given.low == given.high:
        return Range(given.low - 0.5, given.low + 0.5)
    return given


def parse_date_range(text: str) -> Range:
    """Read a year, month or day (UTC), a range of them, or one with an open end, to POSIX seconds.

    ``2024``, ``2024-05``, ``2024-05-06``, ``2023..2024-06``, ``2023-2024``, ``2024..``, ``..2024``,
    ``>=2024``.

    Raises:
        QueryError: It is none of these, no such day exists, or the ends are the wrong way round.
    """
    folded = normalize(text).replace(" ", "").replace("/", "-")
    if len(folded) == 9 and folded[4] == "-" and folded[5:].isdigit():
        folded = folded.replace("-", "..")  # two years
    low, high = _bounds(folded, "..")
    start = _date(low)[0] if low else None
    end = math.nextafter(_date(high)[1], -math.inf) if high else None
    return _checked(start, end, text)


def _bounds(text: str, separator: str) -> tuple[str, str]:
    """Both ends as text, empty where open."""
    for sign in (">=", "≥", ">"):
        if text.startswith(sign) and len(text) > len(sign):
            return text.removeprefix(sign), ""
    for sign in ("<=", "≤", "<"):
        if text.startswith(sign) and len(text) > len(sign):
            return "", text.removeprefix(sign)
    for mark in (*_SEPARATORS, separator):
        if mark in text:
            low, _, high = text.partition(mark)
            if not low and not high:
                raise QueryError(f"{text[:40]!r} is a range without ends")
            return low, high
    return text, text


def _checked(low: float | None, high: float | None, text: str) -> Range:
    if low is not None and high is not None and low > high:
        raise QueryError(f"{text[:40]!r} is the wrong way round (smaller end first)")
    return Range(low, high)


def _number(text: str) -> float | None:
    if not text:
        return None
    # float() takes more than people mean: signs, exponents, nan, underscores, digits of other scripts.
    if not (text.isascii() and text.replace(".", "", 1).isdigit()) or float(text) > _LARGEST:
        raise QueryError(f"{text[:40]!r} is no number")
    return float(text)


def _date(text: str) -> tuple[float, float]:
    """First second of the year, month or day named, and first second after it."""
    parts = text.split("-")
    if not (len(parts) <= 3 and all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts)):
        raise QueryError(f"{text[:40]!r} is no date")
    year, month, day = (*map(int, parts), *(1, 1))[:3]
    try:
        start = datetime(year, month, day, tzinfo=UTC)
        end = {1: lambda: _months_later(start, 12), 2: lambda: _months_later(start, 1)}.get(
            len(parts), lambda: start + timedelta(days=1)
        )()
    except (ValueError, OverflowError):
        raise QueryError(f"{text[:40]!r} is no date") from None
    return start.timestamp(), end.timestamp()


def _months_later(start: datetime, months: int) -> datetime:
    count = start.year * 12 + start.month - 1 + months
    return start.replace(year=count // 12, month=count % 12 + 1)
