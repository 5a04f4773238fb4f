"""Colours as people write them: names in Chinese and English, and hex."""

from __future__ import annotations

import re

from tusou.errors import QueryError
from tusou.index.colors import NAMED_COLORS
from tusou.text.normalize import normalize

RGB = tuple[int, int, int]

_ALIASES = """
red:红 orange:橙 orange:橘 orange:橘黄 yellow:黄 yellow:金 yellow:金黄 yellow:gold yellow:golden green:绿
teal:青 teal:cyan teal:turquoise teal:蓝绿 teal:青绿 blue:蓝 purple:紫 purple:violet pink:粉 pink:粉红
pink:玫红 purple:magenta purple:洋红
brown:棕 brown:褐 brown:咖啡 black:黑 gray:灰 gray:grey gray:银 gray:silver white:白
"""
COLOR_NAMES: dict[str, RGB] = dict(NAMED_COLORS) | {
    alias: NAMED_COLORS[name] for name, alias in (pair.split(":") for pair in _ALIASES.split())
}
"""Every name a colour may be asked for by; Chinese names also with 色 behind them."""

_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})")


def parse_color(text: str) -> RGB:
    """Read one colour: a name in Chinese or English, or hex (``#ff8800``, ``f80``).

    Raises:
        QueryError: It is neither; the message lists the names.
    """
    folded = normalize(text)
    named = COLOR_NAMES.get(folded) or COLOR_NAMES.get(folded.removesuffix("色"))
    if named:
        return named
    match = _HEX.fullmatch(folded)
    if match:
        digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
        return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))
    raise QueryError(
        f"{text[:40]!r} is no colour; use hex such as #ff8800, or one of {', '.join(NAMED_COLORS)}",
        reason="bad_color",
    )
