"""Suppliers' columns and values to Metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.errors import SourceError, UnknownLicense
from tusou.ingest.aliases import ALIASES
from tusou.ingest.mapping import (
    clean,
    clean_date,
    clean_url,
    field_names,
    fold_name,
    map_record,
    merge,
    metadata_digest,
    metadata_of,
    split_keywords,
)
from tusou.ingest.rights import normalize_rights
from tusou.types import Metadata


def test_aliases_are_folded_and_unambiguous() -> None:
    every = [alias for aliases in ALIASES.values() for alias in aliases]
    assert len(every) == len(set(every))
    assert [alias for alias in every if fold_name(alias) != alias] == []


def test_fields_are_those_of_metadata_and_a_few_more() -> None:
    extra = {"item_id", "image", "url", "title", "description", "keywords"}
    assert set(ALIASES) - extra == set(Metadata.__slots__) - {"filename"}


def test_columns_of_both_languages() -> None:
    columns = ["编号", "Image URL", " 标题", "Tags", "Photographer", "许可证", "拍摄日期", "unknown"]
    assert list(field_names(columns).values()) == [
        "item_id", "url", "title", "keywords", "creator", "license", "created",
    ]  # fmt: skip


def test_forced_columns_win_and_may_be_ignored() -> None:
    assert field_names(["a", "title"], {"a": "image", "title": ""}) == {"a": "image"}
    with pytest.raises(SourceError, match="column 'b'; the source has: a"):
        field_names(["a"], {"b": "image"})
    with pytest.raises(SourceError, match="field 'picture'; fields are"):
        field_names(["a"], {"a": "picture"})


def test_texts_are_sorted_by_language() -> None:
    record = map_record(
        {
            "标题": "雪山日出",
            "title": "Snow mountain",
            "Tags": "snow; 雪，山,snow",
            "caption": ["A peak.", "一座山峰。"],
        }
    )
    metadata = metadata_of(record, "a/b/IMG_1.jpg")
    assert (metadata.title_en, metadata.title_zh) == ("Snow mountain", "雪山日出")
    assert (metadata.keywords_en, metadata.keywords_zh) == (("snow",), ("雪", "山"))
    assert (metadata.description_en, metadata.description_zh) == ("A peak.", "一座山峰。")
    assert metadata.filename == "IMG_1.jpg"


def test_a_stated_language_is_believed() -> None:
    metadata = metadata_of(
        map_record({"title": {"en": "Tofu 豆腐", "zh": "Tofu"}, "keywords_zh": "logo,标志"})
    )
    assert (metadata.title_en, metadata.title_zh) == ("Tofu 豆腐", "Tofu")
    assert metadata.keywords_zh == ("logo", "标志")


def test_karpathy_sentences() -> None:
    record = map_record({"sentences": [{"raw": "A dog.", "tokens": ["a", "dog"]}, {"raw": "It runs."}]})
    assert metadata_of(record).description_en == "A dog.\nIt runs."


@pytest.mark.parametrize("value", [None, "", [], {}, 0.0, True, [None], {"raw": None}, {"x": 1}])
def test_odd_values_do_no_harm(value: object) -> None:
    for field in ALIASES:
        metadata_of(map_record({field: value}))


TEXTS = st.text(st.sampled_from("aB 雪山é,;|\n\t\0\x1b\u202e\ud800<\"'1-:/"), max_size=30)


@given(st.dictionaries(st.sampled_from(sorted(ALIASES)), TEXTS | st.integers() | st.lists(TEXTS)))
def test_any_value_gives_clean_metadata(values: dict[str, object]) -> None:
    metadata = metadata_of(map_record(values))
    for name in Metadata.__slots__:
        value = getattr(metadata, name)
        for text in value if isinstance(value, tuple) else [value]:
            text.encode()
            assert "\0" not in text


def test_values_are_cut_and_cleaned() -> None:
    assert clean("a\0b\x1b[31m\ud800\u202e\n c ", 100) == "ab[31m\n c"
    assert clean("x" * 100, 10) == "x" * 10
    assert clean("e\u0301", 5) == "é"
    assert len(metadata_of({"title": "x" * 10**6}).title_en) == 1_000
    assert len(metadata_of({"keywords": ",".join(map(str, range(10_000)))}).keywords_en) == 500


def test_keywords() -> None:
    assert split_keywords("a, b;c；d、e|f\ng") == list("abcdefg")
    assert split_keywords(["red car", "blue, sky", ""]) == ["red car", "blue", "sky"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.org/a?b=1", "https://example.org/a?b=1"),
        (" HTTP://example.org ", "HTTP://example.org"),
        ("javascript:alert(1)", ""),
        ("https://a b", ""),
        ('https://x"onclick=', ""),
        ("Flickr", ""),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert clean_url(text) == address


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024", "2024"),
        ("2024-05", "2024-05"),
        ("2024-13", ""),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T10:20:30+08:00", "2024-05-01T10:20:30+08:00"),
        ("2024:05:01 10:20:30", "2024-05-01T10:20:30"),
        ("2024:05:01", "2024-05-01"),
        ("2024/5/1", "2024-05-01"),
        ("2024年5月1日", "2024-05-01"),
        ("2024.05.01", "2024-05-01"),
        ("yesterday", ""),
        ("0000:00:00 00:00:00", ""),
    ],
)
def test_dates(text: str, date: str) -> None:
    assert clean_date(text) == date


def test_the_table_wins_over_the_file() -> None:
    delivered = Metadata(title_en="Delivered", license="CC0-1.0")
    merged = merge(delivered, Metadata(title_en="Embedded", creator="Ada", keywords_en=("a",)))
    assert merged == Metadata(title_en="Delivered", license="CC0-1.0", creator="Ada", keywords_en=("a",))


def test_the_digest_notices_every_field() -> None:
    digests = {metadata_digest(Metadata())}
    for name in Metadata.__slots__:
        value: Any = ("x",) if name.startswith("keywords") else "x"
        digests.add(metadata_digest(replace(Metadata(), **{name: value})))
    assert len(digests) == 1 + len(Metadata.__slots__)


def test_rights() -> None:
    assert normalize_rights(Metadata(license="CC BY 4.0")).license == "CC-BY-4.0"
    deed = "https://creativecommons.org/licenses/by/2.0/"
    assert normalize_rights(Metadata(license_url=deed)).license == "CC-BY-2.0"
    own = Metadata(license_url="https://example.org/terms")
    assert normalize_rights(own) == own
    with pytest.raises(UnknownLicense):
        normalize_rights(Metadata(license="gratis"))
