"""What people type is understood, and what cannot be is answered with a QueryError that helps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.errors import QueryError
from tusou.index.base import TextClause
from tusou.search.filters import FILTERS, is_unfiltered
from tusou.search.parse import MAX_CHARACTERS, MAX_TERMS, parse_query
from tusou.types import Range

NAUGHTY = [
    "",
    " ",
    "\x00\x01\x02\x1b[31m",
    "-",
    "--",
    "- - -",
    '"',
    '""',
    "“",
    "-“”",
    ":",
    "::::",
    "a:b:c",
    "'; DROP TABLE images; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%s%n{0}${jndi:ldap://x}",
    "😀",
    "👩‍👩‍👧‍👦 ❤️",
    "\u202e\u200b\ufeff",
    "Z̸̡̛a̶͓l̵̢g̷̨o̴",
    "的 了 the of",
    "NaN inf -1e309",
    "http://example.org/?q=a:b",
    "16:9",
    "\ud800",
    "ﷺ" * 100,
    "()[]{}*?~^|&!+\\",
]


def outcome(query: str) -> str:
    """``read``, or the reason of the QueryError; any other exception fails the test."""
    try:
        assert len(parse_query(query).terms) <= MAX_TERMS
    except QueryError as error:
        return error.reason
    return "read"


def surfaces(query: str) -> list[str]:
    return [term.surface for term in parse_query(query).terms]


@pytest.mark.parametrize("query", NAUGHTY)
def test_odd_input_is_read_without_an_error(query: str) -> None:
    parse_query(query)


@given(st.text(alphabet=st.sampled_from(list('ab -:：",.<>=~“”「」雪山猫的1234color:supplier')), max_size=60))
def test_only_query_errors_are_raised(query: str) -> None:
    assert outcome(query) in {"read", "bad_filter", "unknown_filter"}


@given(st.text(max_size=MAX_CHARACTERS))
def test_any_text_is_read(query: str) -> None:
    assert outcome(query) == "read" or ":" in query or "：" in query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("red car", ["red", "car"]),
        ("a red car", ["red", "car"]),
        ("car cars CAR", ["car"]),
        ("红色的汽车", ["红色", "汽车"]),
        ("紅色的汽車", ["红色", "汽车"]),
        ("ＲＥＤ　car", ["red", "car"]),
        ("t-shirt", ["t", "shirt"]),
        ("iPhone手机壳", ["iphone", "手机", "壳"]),
        ("16:9", ["16", "9"]),
        ("http://example.org", ["http", "example", "org"]),
    ],
)
def test_words(query: str, expected: list[str]) -> None:
    assert surfaces(query) == expected
    assert parse_query(query).notes == ()


def test_the_encoder_reads_the_whole_sentence_without_exclusions_and_filters() -> None:
    parsed = parse_query("A Red car -truck color:red “on the road”")
    assert parsed.text == "a red car on the road"


@pytest.mark.parametrize(
    "query", ['"snow mountain"', "“snow mountain”", "「snow mountain」", "＂ｓｎｏｗ mountain＂"]
)
def test_a_phrase_must_occur_and_its_words_score(query: str) -> None:
    parsed = parse_query(query)
    assert parsed.text_query.must == (TextClause(("snow", "mountain"), phrase=True, weight=0.0),)
    assert parsed.text_query.should == (TextClause(("snow",)), TextClause(("mountain",)))


def test_a_chinese_phrase_is_its_bigrams() -> None:
    assert parse_query("“大桥夜景”").text_query.must[0].grams == ("大桥", "桥夜", "夜景")


@pytest.mark.parametrize(
    ("query", "words", "grams"),
    [
        ("bird -owl", ("owl",), ()),
        ("bird －owl", ("owl",), ()),
        ('bird -"barn owl"', ("barn", "owl"), ()),
        ("鸟 -猫头鹰", (), ("猫头", "头鹰")),
        ("bird -“猫”", (), ("猫",)),
    ],
)
def test_exclusions(query: str, words: tuple[str, ...], grams: tuple[str, ...]) -> None:
    parsed = parse_query(query)
    assert len(parsed.terms) == 1
    (excluded,) = parsed.text_query.must_not
    assert (excluded.words, excluded.grams) == (words, grams)


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("", "empty_query"),
        ("\x00\x01", "empty_query"),
        ("the of", "only_stop_words"),
        ("的", "only_stop_words"),
        ("😀", "no_words"),
        ("!!!", "no_words"),
        ("-owl", "exclusions_only"),
        ("color:red", "filters_only"),
        ('red "car', "unclosed_quote"),
        (" ".join(f"word{i}" for i in range(40)), "too_many_words"),
    ],
)
def test_notes_tell_what_was_done(query: str, note: str) -> None:
    assert parse_query(query).notes == (note,)


def test_stop_words_are_kept_when_nothing_else_is_left() -> None:
    assert surfaces("the of") == ["the", "of"]


def test_a_query_without_end_is_refused() -> None:
    with pytest.raises(QueryError, match="10000 characters") as caught:
        parse_query("x" * 10_000)
    assert caught.value.reason == "query_too_long"


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("supplier:acme", "supplier", ("acme",)),
        ("来源：acme", "supplier", ("acme",)),
        ("supplier:a,b supplier:c", "supplier", ("a", "b", "c")),
        ('supplier:"Tux Paint"', "supplier", ("Tux Paint",)),
        ("-supplier:acme", "exclude_supplier", ("acme",)),
        ("license:CC0", "license", ("CC0",)),
        ("许可:CC-BY-4.0", "license", ("CC-BY-4.0",)),
        ("use:commercial", "license_type", ("commercial",)),
        ("用途:商用,修改", "license_type", ("commercial", "modification")),
        ("orientation:LANDSCAPE", "orientation", ("landscape",)),
        ("方向：横", "orientation", ("landscape",)),
        ("orientation:竖,方", "orientation", ("portrait", "square")),
        ("color:#ff8800", "color", ((255, 136, 0),)),
        ("color:f80 color:000000", "color", ((255, 136, 0), (0, 0, 0))),
        ("format:jpg", "format", ("jpeg",)),
        ("mp:3-6", "megapixels", Range(3, 6)),
        ("mp:>=3", "megapixels", Range(3, None)),
        ("mp:12", "megapixels", Range(11.5, 12.5)),
        ("像素:3到6", "megapixels", Range(3, 6)),
        ("width:1920", "width", Range(1920, 1920)),
        ("宽:1000- 宽:-2000", "width", Range(1000, 2000)),
        ("height:..800", "height", Range(None, 800)),
    ],
)
def test_filters(query: str, field: str, value: object) -> None:
    parsed = parse_query(f"snow {query}")
    assert getattr(parsed.filters, field) == value
    assert [term.surface for term in parsed.terms] == ["snow"]


@pytest.mark.parametrize("names", [("red", "红", "红色"), ("grey", "gray", "灰色"), ("teal", "cyan", "青")])
def test_color_names_of_both_languages_are_one_color(names: tuple[str, ...]) -> None:
    assert len({parse_query(f"color:{name}").filters.color for name in names}) == 1


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", (2024, 1, 1), (2025, 1, 1)),
        ("2024-02", (2024, 2, 1), (2024, 3, 1)),
        ("2024-12-31", (2024, 12, 31), (2025, 1, 1)),
        ("2024/2", (2024, 2, 1), (2024, 3, 1)),
        ("2023..2024-06", (2023, 1, 1), (2024, 7, 1)),
        ("2023-2024", (2023, 1, 1), (2025, 1, 1)),
    ],
)
def test_dates_cover_whole_periods(
    text: str, first: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    added = parse_query(f"date:{text}").filters.added
    assert added is not None
    assert added.low is not None
    assert added.high is not None
    start, end = datetime(*first, tzinfo=UTC).timestamp(), datetime(*after, tzinfo=UTC).timestamp()
    assert added.low == start
    assert end - 1 < added.high < end


def test_dates_may_be_open() -> None:
    assert parse_query("date:2024..").filters.added == Range(
        datetime(2024, 1, 1, tzinfo=UTC).timestamp(), None
    )
    before = parse_query("日期:<=2023").filters.added
    assert before is not None
    assert before.low is None


@pytest.mark.parametrize(
    ("query", "reason", "parts"),
    [
        ("cat color:blurple", "bad_filter", ["'color'", "character 5", "blurple", "red", "#ff8800"]),
        ("颜色：花", "bad_filter", ["'color'", "character 1", "花"]),
        ("orientation:sideways", "bad_filter", ["'orientation'", "sideways", "landscape", "横"]),
        ("mp:6-3", "bad_filter", ["'mp'", "6-3", "wrong way"]),
        ("mp:", "bad_filter", ["'mp'", "no value", "3-6"]),
        ("mp:..", "bad_filter", ["'mp'", "without ends"]),
        ("mp:1e9", "bad_filter", ["no number"]),
        ("width:-", "bad_filter", ["without ends"]),
        ("width:٣", "bad_filter", ["no number"]),
        ("date:2024-13", "bad_filter", ["'date'", "no date"]),
        ("date:yesterday", "bad_filter", ["no date"]),
        ("date:9999999", "bad_filter", ["no date"]),
        ("format:psd", "bad_filter", ["'format'", "psd", "jpeg"]),
        ("use:fun", "bad_filter", ["commercial", "modification"]),
        ("-color:red", "bad_filter", ["'color'", "minus", "supplier"]),
        ("suplier:acme", "unknown_filter", ["'suplier'", "'supplier'", "character 1"]),
    ],
)
def test_bad_filters_are_explained(query: str, reason: str, parts: list[str]) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)
    assert caught.value.reason == reason
    for part in parts:
        assert part in str(caught.value)


def test_every_filter_name_is_read() -> None:
    samples = {
        "supplier": "x", "license": "x", "license_type": "commercial", "orientation": "square",
        "color": "red", "mp": "1", "width": "1", "height": "1", "format": "png", "date": "2024",
    }  # fmt: skip
    for spec in FILTERS:
        for name in (spec.name, *spec.aliases):
            assert not is_unfiltered(parse_query(f"{name}:{samples[spec.name]}").filters), name
