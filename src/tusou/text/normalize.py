"""Bring every text, document or query, into one spelling before it is segmented or compared."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc

MAX_CHARACTERS = 10_000
"""Longer texts are cut; no field of a picture needs more, and it bounds the work one record can cause."""

_SPACE = re.compile(r"\s+")
_VARIATION = re.compile("[\ufe00-\ufe0f]")  # choose between shapes of the character before them


@cache
def _to_simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def normalize(text: str) -> str:
    """Fold what readers take for the same text into the same characters.

    In this order: cut to MAX_CHARACTERS; Unicode NFKC (full width to half width, ligatures, circled
    numbers); drop control and invisible format characters (zero-width, bidirectional, byte order mark,
    variation selectors); lower case; traditional to simplified Chinese; white space to single spaces.
    """
    text = _visible(unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])).lower()
    if not text.isascii():
        # Lower-casing and dropping characters can leave a decomposed character behind, so compose again.
        text = _to_simplified().convert(unicodedata.normalize("NFKC", text))
    return _SPACE.sub(" ", text[:MAX_CHARACTERS]).strip()


def _visible(text: str) -> str:
    if not text.isprintable():
        text = "".join(map(_visible_character, text))
    return _VARIATION.sub("", text)


def _visible_character(character: str) -> str:
    """The character itself; a space for controls; nothing for characters without a shape of their own."""
    if character.isprintable():
        return character
    return "" if unicodedata.category(character) in ("Cf", "Cs", "Co", "Cn") else " "


def fold_accents(word: str) -> str:
    """Take accents off Latin letters (``café`` to ``cafe``); other scripts keep their marks."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    if not decomposed[0].isascii():
        return word
    return "".join(c for c in decomposed if not unicodedata.combining(c))
