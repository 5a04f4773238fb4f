"""Tell Chinese from English, for texts that do not say."""

from __future__ import annotations

import re

from tusou.types import Language

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Han characters, as the inside of a regular expression's character class."""

_HAN = re.compile(f"[{HAN}]")
_LATIN_WORD = re.compile(r"[a-zA-Z\u00c0-\u024f]+")


def detect_language(text: str) -> Language:
    """``zh`` when Han characters are at least as many as Latin words, else ``en``.

    A text without either (digits, emoji, nothing) counts as ``en``.
    """
    han = len(_HAN.findall(text))
    return "zh" if han and han >= len(_LATIN_WORD.findall(text)) else "en"
