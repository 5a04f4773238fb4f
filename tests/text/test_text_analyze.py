"""Documents and queries are cut into the same tokens."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.text.analyze import Analyzer, Tokens, analyze, default_analyzer


def test_english_is_stemmed_and_chinese_is_cut_in_search_mode() -> None:
    assert analyze("Red CARS, the dog’s ball").words == ("red", "car", "the", "dog", "ball")
    assert set(analyze("长江大桥").words) == {"长江", "大桥", "长江大桥"}


def test_documents_carry_bigrams_and_single_characters() -> None:
    assert analyze("小猫咪 ok 狗").grams == ("小猫", "猫咪", "小", "猫", "咪", "狗")


def test_traditional_and_full_width_spellings_have_the_same_tokens() -> None:
    assert analyze("紅色汽車 ＣＡＦÉ") == analyze("红色汽车 cafe")


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("wolves", "wolf"),
        ("buses", "bus"),
        ("lenses", "lens"),
        ("children", "child"),
        ("butterflies", "butterfly"),
        ("canvases", "canvas"),
        ("Colours", "color"),
        ("people", "person"),
    ],
)
def test_plural_and_singular_share_a_stem(plural: str, singular: str) -> None:
    assert analyze(plural) == analyze(singular)


def test_terms_keep_the_words_as_read() -> None:
    terms = default_analyzer().terms("红色的汽车 Cars 猫")
    assert [term.surface for term in terms] == ["红色", "的", "汽车", "cars", "猫"]
    assert [term.is_stop_word for term in terms] == [False, True, False, False, False]
    assert terms[2].grams == ("汽车",)
    assert terms[3].words == ("car",)
    assert terms[4].grams == ("猫",)


def test_a_term_is_found_in_a_document_that_contains_it() -> None:
    document = analyze("两只小猫在雪山上玩耍")
    for term in default_analyzer().terms("猫 雪山"):
        assert set(term.words) & set(document.words) or set(term.grams) & set(document.grams)


def test_a_phrase_is_bigrams_of_chinese_and_words_of_english() -> None:
    phrase = default_analyzer().phrase
    assert phrase("大桥夜景") == Tokens((), ("大桥", "桥夜", "夜景"))
    assert phrase("Snowy Mountains") == Tokens(("snowi", "mountain"), ())
    assert phrase("猫") == Tokens((), ("猫",))


def test_user_words_are_kept_whole() -> None:
    assert "图搜引擎" not in analyze("图搜引擎").words
    words = Analyzer(["图搜引擎"]).analyze("我爱图搜引擎").words
    assert {"图搜引擎", "引擎"} <= set(words)


def test_one_run_of_letters_cannot_make_an_endless_token() -> None:
    assert all(len(word) <= 64 for word in analyze("x" * 5000).words)


@given(st.text(max_size=100))
def test_any_text_can_be_analyzed(text: str) -> None:
    tokens = analyze(text)
    assert all(tokens.words)
    assert all(tokens.grams)
    assert all(term.words for term in default_analyzer().terms(text))
    assert bool(default_analyzer().phrase(text).words or default_analyzer().phrase(text).grams) == bool(
        tokens.words
    )


def test_loading_is_silent_and_clean_of_warnings() -> None:
    code = "from tusou.text.analyze import analyze; print(analyze('雪山 cars'))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "雪山" in done.stdout
