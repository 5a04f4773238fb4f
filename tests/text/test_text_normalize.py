"""Spelling is folded the same way every time, and whatever comes in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.text.normalize import MAX_CHARACTERS, fold_accents, normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ｒｅｄ　ＣＡＲ１２", "red car12"),
        ("雪山風景", "雪山风景"),
        ("龍貓與麵包", "龙猫与面包"),
        ("ﬁsh ①", "fish 1"),
        ("re\u0301sume\u0301", "r\u00e9sum\u00e9"),
        ("\ufeff雪\u200b山\u202e\x00\t 湖\n", "雪山 湖"),
        ("a\x00b", "a b"),
        ("İSTANBUL", "i̇stanbul"),
        ("❤\ufe0f", "❤"),
        ("  ", ""),
        ("", ""),
    ],
)
def test_known_spellings_are_folded(text: str, expected: str) -> None:
    assert normalize(text) == expected


@given(st.text(max_size=200))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


@given(st.text(max_size=200))
def test_nothing_invisible_is_left(text: str) -> None:
    assert not {unicodedata.category(c) for c in normalize(text)} & {"Cc", "Cf", "Cs"}


def test_a_text_without_end_is_cut() -> None:
    assert len(normalize("\ufdfa" * 50_000)) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("word", "expected"), [("café", "cafe"), ("zürich", "zurich"), ("が", "が"), ("й", "й"), ("car", "car")]
)
def test_accents_come_off_latin_letters_only(word: str, expected: str) -> None:
    assert fold_accents(word) == expected
