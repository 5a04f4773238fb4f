"""Make text found inside image files fit to keep: decode it, clean it, cap it, and tell its language."""

from __future__ import annotations

import re

from tusou.types import Language

MAX_CHARACTERS = 10_000
"""Longest value kept from embedded metadata."""

_EUC_CHINESE = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])+")
_ONE_ALPHABET = re.compile(
    "[\x00-\u017f\u2000-\uffff\U00010000-\U0010ffff]+|[\x00-\xbf\u0370-\u03ff]+|[\x00-\xbf\u0400-\u045f]+"
    "|[\x00-\xbf\u0590-\u05ff]+|[\x00-\xbf\u0600-\u06ff]+"
)
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


def decode_bytes(raw: bytes) -> str:
    """Decode text of unstated encoding: UTF-8, else GB 18030 if every high byte fits, else Windows Latin.

    Short Chinese words in GB 18030 can happen to be valid UTF-8 of two-byte letters; unless those letters
    come from one common alphabet, the Chinese reading is taken.
    """
    raw = raw.split(b"\0", 1)[0]
    chinese = _EUC_CHINESE.fullmatch(raw) is not None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030" if chinese else "cp1252", "replace")
    if chinese and not text.isascii() and not _ONE_ALPHABET.fullmatch(text):
        return raw.decode("gb18030", "replace")
    return text


def clean_text(text: str) -> str:
    """Drop control, direction and invisible characters, trim, and cap the length."""
    text = _UNWANTED.sub("", text[: 2 * MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n"))
    return text.strip()[:MAX_CHARACTERS]


def language_of(text: str, tag: str = "") -> Language:
    """Sort a text into Chinese or English: by its language tag when that is clear, else by its characters."""
    tag = tag.lower()
    if tag.startswith("zh"):
        return "zh"
    if tag.startswith("en"):
        return "en"
    return "zh" if _HAN.search(text) else "en"
