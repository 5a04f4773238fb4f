"""Searches over a small real library whose right answers can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fakes import KeywordEncoder
from search_builders import BLUE, GREEN, GREY, RED, WHITE, YELLOW, World, ask, items, png, solid, striped
from tusou.errors import DecodeError, ImageNotFound, QueryError
from tusou.ranking.feature_log import unpack_features
from tusou.search.engine import SearchEngine
from tusou.types import Embeddings, Filters, Hit, Range, SearchRequest


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Eight images; the words of the last two say something else than their pictures show."""
    made = World(tmp_path_factory.mktemp("engine"))
    made.add_many(
        [
            (
                solid(RED),
                {"item_id": "rose", "title_en": "A red rose", "title_zh": "红玫瑰", "license": "CC0-1.0"},
            ),
            (
                striped({RED: 16, BLUE: 16}),
                {"item_id": "flag", "title_en": "Flag", "keywords_en": ("flag", "nation")},
            ),
            (
                solid(BLUE),
                {
                    "item_id": "sea",
                    "title_zh": "蓝色的海",
                    "description_zh": "远处的雪山",
                    "license": "CC-BY-NC-4.0",
                },
            ),
            (
                striped({WHITE: 24, BLUE: 8}),
                {"item_id": "snow", "title_en": "Snowy mountain", "title_zh": "雪山", "supplier": "zoo"},
            ),
            (
                solid(GREEN),
                {"item_id": "leaf", "title_en": "Leaves", "keywords_zh": ("叶子", "植物"), "supplier": "zoo"},
            ),
            (
                solid(YELLOW),
                {"item_id": "sun", "title_en": "Sun", "creator": "Ann Lee", "filename": "sun.png"},
            ),
            (solid(GREY), {"item_id": "cat", "title_zh": "小猫", "title_en": "Kitten"}),
            (solid(GREY, 32, 96), {"item_id": "panda", "title_zh": "熊猫", "keywords_en": ("red panda",)}),
        ]
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(world: World) -> Iterator[SearchEngine]:
    opened = world.engine()
    yield opened
    opened.close()


def contribution_sum(hit: Hit) -> float:
    assert hit.explanation is not None
    return sum(part.contribution for part in hit.explanation.contributions)


def test_words_and_meaning_together_put_the_right_image_first(engine: SearchEngine) -> None:
    page = ask(engine, "red rose")
    assert items(page)[0] == "rose"
    # Red panda matches a word only, the flag by its picture only; the rest has nothing in common with red.
    assert set(items(page)[1:3]) == {"panda", "flag"}
    assert page.total == 8
    assert [hit.rank for hit in page.hits] == list(range(1, 9))


@pytest.mark.parametrize(
    ("chinese", "english", "expected"),
    [("雪山", "snowy mountain", "snow"), ("红玫瑰", "red rose", "rose"), ("叶子", "leaf", "leaf")],
)
def test_chinese_and_english_find_the_same_image(
    engine: SearchEngine, chinese: str, english: str, expected: str
) -> None:
    assert items(ask(engine, chinese))[0] == expected
    assert items(ask(engine, english))[0] == expected


def test_traditional_full_width_and_upper_case_make_no_difference(engine: SearchEngine) -> None:
    plain = ask(engine, "红玫瑰 red")
    for spelling in ("紅玫瑰 red", "紅玫瑰　ＲＥＤ"):
        other = ask(engine, spelling)
        assert items(other) == items(plain)
        assert [hit.score for hit in other.hits] == [hit.score for hit in plain.hits]


def test_one_character_finds_words_that_contain_it(engine: SearchEngine) -> None:
    assert set(items(ask(engine, "猫"))[:2]) == {"cat", "panda"}


def test_exclusions_and_phrases_restrict_both_recalls(engine: SearchEngine) -> None:
    assert "panda" not in items(ask(engine, "猫 -熊猫"))
    assert "rose" not in items(ask(engine, "red -rose"))
    assert items(ask(engine, '"red panda"')) == ["panda"]
    assert items(ask(engine, "“色的海”")) == ["sea"]
    assert items(ask(engine, '"panda red"')) == []


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("supplier:zoo", {"snow", "leaf"}),
        ("来源：ZOO", {"snow", "leaf"}),
        ('supplier:"Zoo Pictures"', {"snow", "leaf"}),
        ("-supplier:acme", {"snow", "leaf"}),
        ("license:cc0", {"rose"}),
        ("license:CC-BY-NC", {"sea"}),
        ("use:commercial", {"rose"}),
        ("orientation:panoramic", {"panda"}),
        ("color:#ff0000", {"rose", "flag"}),
        ("color:#f00 color:0000ff", {"flag"}),
        ("color:red", {"rose", "flag"}),
        ("颜色:红 颜色:蓝", {"flag"}),
        ("颜色:#0000ff", {"flag", "sea", "snow"}),
        ("width:96", {"panda"}),
        ("date:2024-05-03", {"sea"}),
        ("date:2024-05-01..2024-05-02", {"rose", "flag"}),
        ("format:png -supplier:acme -leaf", {"snow"}),
    ],
)
def test_filters_are_exact_in_browsing_and_in_ranked_answers(
    engine: SearchEngine, q: str, expected: set[str]
) -> None:
    assert set(items(ask(engine, q))) == expected
    assert set(items(ask(engine, f"red {q}"))) == expected
    assert set(items(ask(engine, q, image=png(solid(RED))))) == expected


def test_chosen_filters_narrow_what_typed_ones_leave(engine: SearchEngine) -> None:
    page = ask(engine, "supplier:zoo", filters=Filters(orientation=("square",), color=((0, 150, 0),)))
    assert items(page) == ["leaf"]
    assert items(ask(engine, "supplier:zoo", filters=Filters(supplier=("acme",)))) == []
    assert items(ask(engine, filters=Filters(width=Range(33, None)))) == ["panda"]


def test_browsing_shows_the_newest_first(engine: SearchEngine) -> None:
    page = ask(engine, "")
    assert items(page) == ["panda", "cat", "sun", "leaf", "snow", "sea", "flag", "rose"]
    assert page.notes == ("empty_query",)
    assert ask(engine, "supplier:zoo").notes == ("filters_only",)
    assert items(ask(engine, "-rose -flag"))[-1] == "sea"


def test_newest_keeps_the_relevant_and_orders_by_date(engine: SearchEngine) -> None:
    page = ask(engine, "red", sort="newest")
    assert "rose" in items(page)
    assert "sea" not in items(page)
    rows = [hit.image.row for hit in page.hits]
    assert rows == sorted(rows, reverse=True)


@pytest.mark.parametrize("q", ["😀", "的", "!!!", "\x00", "the of"])
def test_odd_queries_have_an_answer_and_a_note(engine: SearchEngine, q: str) -> None:
    page = ask(engine, q)
    assert page.notes
    assert page.total == 8


@pytest.mark.parametrize(
    ("q", "reason", "part"),
    [
        ("supplier:zo", "unknown_supplier", "zoo"),
        ("license:CC-BI-4.0", "unknown_license", "CC-BY"),
        ("license:LicenseRef-Nobody", "unknown_license", "LicenseRef"),
        ("x" * 10_000, "query_too_long", "10000"),
        ("color:blurple", "bad_filter", "color"),
    ],
)
def test_what_cannot_be_understood_is_explained(engine: SearchEngine, q: str, reason: str, part: str) -> None:
    with pytest.raises(QueryError, match=part) as caught:
        ask(engine, q)
    assert caught.value.reason == reason


def test_explanations_name_words_fields_and_add_up_to_the_score(engine: SearchEngine) -> None:
    page = ask(engine, "red panda 熊猫", explain=True)
    panda = next(hit for hit in page.hits if hit.image.item_id == "panda").explanation
    assert panda is not None
    assert dict(panda.matches) == {"title": ("熊猫",), "keywords": ("red", "panda")}
    assert set(panda.sources) == {"lexical", "dense"}
    parts = [part.contribution for part in panda.contributions]
    assert parts == sorted(parts, reverse=True)
    for hit in page.hits:
        assert contribution_sum(hit) == pytest.approx(hit.score, abs=1e-12)
    assert ask(engine, "red").hits[0].explanation is None


def test_explanations_say_how_many_candidates_are_less_like_the_search(engine: SearchEngine) -> None:
    hits = ask(engine, "red panda 熊猫", explain=True).hits
    candidates, features = engine.candidates(SearchRequest(q="red panda 熊猫"))
    cosines = dict(zip(candidates.rows.tolist(), features.column("dense_similarity").tolist(), strict=True))
    assert len(set(cosines.values())) > 2
    for hit in hits:
        assert hit.explanation is not None
        lower = sum(other < cosines[hit.image.row] for other in cosines.values())
        assert hit.explanation.percentile == pytest.approx(lower / (len(cosines) - 1))
    browsed = ask(engine, "", explain=True).hits[0].explanation
    assert browsed is not None
    assert browsed.percentile is None


def test_pages_follow_each_other_without_repeats(engine: SearchEngine) -> None:
    whole = items(ask(engine, "red"))
    pages = [ask(engine, "red", offset=offset, limit=3) for offset in (0, 3, 6, 9)]
    assert [item for page in pages for item in items(page)] == whole
    assert [page.total for page in pages] == [8, 8, 8, 8]
    assert [hit.rank for hit in pages[1].hits] == [4, 5, 6]


def test_facets_count_the_whole_answer(engine: SearchEngine) -> None:
    page = ask(engine, "supplier:zoo", facets=True, limit=1)
    assert page.facets["supplier"] == [("zoo", 2)]
    assert page.total == 2
    assert dict(ask(engine, "red", facets=True, limit=1).facets["supplier"]) == {"acme": 6, "zoo": 2}
    assert ask(engine, "red").facets == {}


def test_answers_are_named_and_timed(engine: SearchEngine) -> None:
    first, second = ask(engine, "red"), ask(engine, "red")
    assert first.query_id < second.query_id or first.query_id[:13] == second.query_id[:13]
    assert first.query_id != second.query_id
    assert {"parse", "encode", "recall_lexical", "recall_dense", "features", "rank", "total"} <= set(
        first.timings
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"limit": 0}, "bad_page"),
        ({"limit": 101}, "bad_page"),
        ({"offset": -1}, "bad_page"),
        ({"image_weight": 1.5}, "bad_image_weight"),
        ({"image": b"x", "image_id": "y"}, "two_pictures"),
        ({"mode": "same"}, "no_picture"),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    engine: SearchEngine, fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(QueryError) as caught:
        ask(engine, "red", **fields)
    assert caught.value.reason == reason


def test_bytes_that_are_no_picture_and_ids_that_are_no_image(engine: SearchEngine) -> None:
    with pytest.raises(DecodeError):
        ask(engine, image=b"not a picture")
    with pytest.raises(ImageNotFound):
        ask(engine, image_id="nobody")


def test_an_engine_opens_from_a_library(world: World, tmp_path: Path) -> None:
    opened = SearchEngine.open(world.library, world.encoder)
    assert items(opened.search(SearchRequest(q="red rose")))[0] == "rose"
    opened.close()


def test_a_page_carries_what_the_ranker_saw_of_its_hits(engine: SearchEngine) -> None:
    for sort in ("relevance", "newest"):
        page = ask(engine, "red panda", sort=sort, limit=2, offset=1, explain=True)
        assert page.features is not None
        seen = unpack_features(page.features)
        assert len(seen) == len(page.hits) > 0
        for i, hit in enumerate(page.hits):
            assert hit.explanation is not None
            for part in hit.explanation.contributions:  # those that add something
                assert seen.column(part.feature)[i] == pytest.approx(part.value, rel=2e-3, abs=1e-3)
    assert ask(engine, "").features is None


class Contrary(KeywordEncoder):
    """A bundle whose own network says the opposite of the cosine."""

    has_scorer = True

    def score(self, query: Embeddings, images: Embeddings) -> npt.NDArray[np.float32]:
        return np.asarray(-4 * images @ query, np.float32)


def test_a_bundles_own_network_orders_the_candidates(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add_many([(solid(RED), {"item_id": "red"}), (solid(BLUE), {"item_id": "blue"})])
    plain = SearchEngine.open(world.library, world.encoder)
    assert items(ask(plain, "red")) == ["red", "blue"]
    own = SearchEngine.open(world.library, Contrary())
    page = ask(own, "red", explain=True)
    assert items(page) == ["blue", "red"]
    explanation = page.hits[0].explanation
    assert explanation is not None
    assert "pair_score" in {part.feature for part in explanation.contributions}
    assert contribution_sum(page.hits[0]) == pytest.approx(page.hits[0].score)
    assert items(ask(own, image=png(solid(RED)))) == ["red", "blue"]  # there is no text to score with it
    plain.close()
    own.close()
    world.close()
