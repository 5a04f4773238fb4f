"""Suggestions: beginnings, pinyin, slips, related searches, and the vocabulary they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_builders import World, a_record
from tusou.feedback.records import LoggedQuery
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.search.live_suggestions import LiveSuggestions
from tusou.search.suggest import SuggestionTable, one_form_each
from tusou.search.vocabulary import Phrase, language_of, read_vocabulary


def table(**counts: int) -> SuggestionTable:
    """Keywords with the number of images that carry each; ``_`` stands for a space."""
    phrases = []
    for name, count in counts.items():
        text = name.replace("_", " ")
        phrases.append(Phrase(text, text, "keyword", language_of(text), count))
    return SuggestionTable(phrases)


def texts(found: SuggestionTable, typed: str, limit: int = 8, **fields: str) -> list[str]:
    return [each.text for each in found.suggest(typed, limit, **fields)]  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_a_beginning_finds_the_frequent_first() -> None:
    found = table(mountain=3, mouse=9, mouth=1, sea=50)
    assert texts(found, "mou") == ["mouse", "mountain", "mouth"]
    assert texts(found, "MOU ", 2) == ["mouse", "mountain"]
    assert texts(found, "") == texts(found, "  ") == texts(found, "zebra") == []


def test_every_word_of_a_phrase_is_found_but_beginnings_come_first() -> None:
    assert texts(table(golden_retriever=40, retreat=2), "retr") == ["retreat", "golden retriever"]
    assert texts(table(小雪山=40, 雪人=2), "雪") == ["雪人", "小雪山"]


@pytest.mark.parametrize("typed", ["雪", "雪山", "xuesh", "xue shan", "xs", "XueShan", "ｘｕｅ", "山"])
def test_chinese_by_characters_pinyin_and_initials(typed: str) -> None:
    assert texts(table(雪山=1, 大海=5), typed) == ["雪山"]


def test_traditional_characters_find_simplified_words() -> None:
    assert texts(table(猫头鹰=1), "貓頭") == ["猫头鹰"]


def test_an_exact_phrase_comes_before_what_continues_it_and_the_pages_language_before_the_other() -> None:
    assert texts(table(cat=2, caterpillar=6), "cat") == ["cat", "caterpillar"]
    alike = table(大猫=1, big_cat=1, cat_big=1)
    assert texts(alike, "big", lang="en")[0] == "big cat"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("elephnt", "elephant"),
        ("elehpant", "elephant"),
        ("red elephannt", "red elephant"),
        ("mountian", "mountain"),
        ("学山", "雪山"),  # sounds the same
        ("elephant", ""),  # known
        ("eleph", ""),  # the beginning of a word
        ("cta", ""),  # too short to tell
        ("雪山", ""),
        ("zzzzzz", ""),
        ("r2d2x", ""),
    ],
)
def test_slips(typed: str, meant: str) -> None:
    found = table(elephant=3, red=5, mountain=4, cat=1, 雪山=2)
    assert found.correct(typed) == meant


def test_a_slip_still_gets_suggestions() -> None:
    assert texts(table(elephant=3), "elephnt") == ["elephant"]
    assert SuggestionTable(()).suggest("elephnt", 8) == []
    assert SuggestionTable(()).correct("elephnt") == ""


def test_related_searches_are_what_is_typical_not_what_is_everywhere() -> None:
    found = table(animal=900, trunk=5, elephant=9, grey=300)
    records = [
        a_record(row, keywords_en=("animal", "elephant", "trunk") if row < 3 else ("animal", "grey"))
        for row in range(4)
    ]
    related = found.related("elephant", records, "en")
    assert related[0] == "trunk"
    assert "elephant" not in related  # asked already
    assert "grey" not in related  # one image alone
    assert found.related("elephant", records, "zh") == []


def test_one_form_of_each_word() -> None:
    assert one_form_each(["animals", "animal", "red cars", "red car", "动物"]) == [
        "animals",
        "red cars",
        "动物",
    ]


def test_the_vocabulary_counts_keywords_titles_and_searches(world: World) -> None:
    world.add(keywords_en=("Sea", "blue"), title_en="A sea", title_zh="大海")
    world.add(keywords_en=("sea",), keywords_zh=("貓",), title_en="x" * 41)
    phrases = {
        phrase.spelling: phrase for phrase in read_vocabulary(world.library.catalog, {"sea": 3, "山": 2})
    }
    assert phrases["sea"].count == 5
    assert phrases["sea"].kind == "query"
    assert phrases["大海"].kind == "title"
    assert phrases["猫"].text == "猫"
    assert phrases["山"].lang == "zh"
    assert not any(len(spelling) > 40 for spelling in phrases)


def test_live_suggestions_follow_library_and_log(world: World) -> None:
    world.add(keywords_en=("sea",))
    live = LiveSuggestions(world.library.catalog, world.library.path)
    assert live.table.suggest("se", 5) == []
    assert live.refresh()
    assert not live.refresh()
    assert [each.text for each in live.table.suggest("se", 5)] == ["sea"]
    world.add(keywords_en=("seagull",))
    assert live.refresh()
    assert len(live.table.suggest("se", 5)) == 2
    with EventStore(world.library.path / FILE_NAME) as log:
        asked = [LoggedQuery(f"q{n}", 1000 + n, "seal", (), client=f"c{n}") for n in range(5)]
        asked += [LoggedQuery(f"p{n}", 1000 + n, "my name", (), client="c0") for n in range(5)]
        log.write(asked, [], now=2000)
    assert live.refresh()
    assert live.popular == {"seal": 5}
    assert [each.kind for each in live.table.suggest("seal", 1)] == ["query"]


def test_words_of_withheld_suppliers_are_not_offered(world: World) -> None:
    world.add(supplier="acme", item_id="a", keywords_en=("seagull",))
    world.add(supplier="zoo", item_id="z", keywords_en=("seal",))
    withheld: set[str] = set()
    live = LiveSuggestions(world.library.catalog, world.library.path, lambda: frozenset(withheld))
    live.refresh()
    assert len(live.table.suggest("sea", 5)) == 2
    withheld.add("acme")
    assert live.refresh()
    assert [each.text for each in live.table.suggest("sea", 5)] == ["seal"]


def test_following_in_the_background(world: World) -> None:
    world.add(keywords_en=("sea",))
    live = LiveSuggestions(world.library.catalog, world.library.path, every=0.01)
    live.start()
    for _ in range(500):
        if len(live.table):
            break
        live._stop.wait(0.01)
    live.close()
    assert len(live.table)
