"""A manager's rules in searches: where they act, where they do not, and that they are explained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes import solid
from search_builders import BLUE, GREEN, RED, World, ask, give_cutoff, items, png
from tusou.catalog.records import image_id_of
from tusou.ranking.rules import Rule, RuleStore
from tusou.search.engine import SearchEngine
from tusou.types import AppliedRule, Hit, SearchPage


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add_many(
        [
            (solid(RED), {"item_id": "one", "title_en": "red"}),
            (solid(RED), {"item_id": "two", "title_en": "red", "supplier": "zoo"}),
            (solid(BLUE), {"item_id": "sea", "title_en": "ocean"}),
            (solid(GREEN), {"item_id": "leaf", "title_zh": "树叶"}),
            (solid(GREEN), {"item_id": "bush"}),
        ]
    )
    yield made
    made.close()


@pytest.fixture
def engine(world: World) -> Iterator[SearchEngine]:
    opened = world.engine()
    yield opened
    opened.close()


def add(world: World, kind: Any, query: str, target: str, **fields: Any) -> Rule:
    if "/" in target:
        target = f"image:{image_id_of(*target.split('/'))}"
    return RuleStore(world.library.path).add(kind, query, target, **fields)


def hit(page: SearchPage, item: str) -> Hit:
    return next(each for each in page.hits if each.image.item_id == item)


def rules_of(page: SearchPage, item: str) -> tuple[AppliedRule, ...]:
    explanation = hit(page, item).explanation
    assert explanation is not None
    return explanation.rules


def test_a_pinned_image_stands_where_it_was_pinned(world: World, engine: SearchEngine) -> None:
    before = items(ask(engine, "red"))
    assert set(before[:2]) == {"one", "two"}
    made = add(world, "pin", "Red", "acme/bush", note="campaign")
    page = ask(engine, "red", explain=True)
    assert items(page) == ["bush", *(item for item in before if item != "bush")]
    assert [each.rank for each in page.hits] == [1, 2, 3, 4, 5]
    assert rules_of(page, "bush") == (AppliedRule(made.rule_id, "pin", made.target, None, "campaign"),)
    assert "pin" in hit(page, "bush").explanation.sources  # type: ignore[union-attr]
    assert rules_of(page, "one") == ()
    assert "bush" not in items(ask(engine, "ocean"))[:1]
    RuleStore(world.library.path).remove(made.rule_id)
    assert items(ask(engine, "red")) == before


def test_pins_keep_their_places_among_themselves(world: World, engine: SearchEngine) -> None:
    add(world, "pin", "red", "acme/leaf", rank=2)
    add(world, "pin", "red", "acme/sea", rank=1)
    assert items(ask(engine, "red"))[:2] == ["sea", "leaf"]


def test_a_pin_goes_through_no_filter_and_is_for_words_alone(world: World, engine: SearchEngine) -> None:
    add(world, "pin", "red", "acme/bush")
    assert items(ask(engine, "red supplier:zoo")) == ["two"]
    assert items(ask(engine, "red -bush license:CC0-1.0")) == []
    assert items(ask(engine, "red", image=png(solid(RED))))[0] != "bush"
    assert items(ask(engine, "red", sort="newest"))[0] != "bush"
    world.remove(image_id_of("acme", "bush"))
    engine.refresh()
    assert "bush" not in items(ask(engine, "red"))


def test_an_image_nothing_recalled_can_be_pinned(world: World) -> None:
    add(world, "pin", "red", "acme/bush")
    world.add_many([(solid(RED), {"item_id": f"more-{i}", "title_en": "red"}) for i in range(12)])
    object.__setattr__(world.library.config, "recall_depth", 10)
    engine = world.engine()
    page = ask(engine, "red", explain=True)
    assert items(page)[0] == "bush"
    assert hit(page, "bush").explanation.sources == ("pin",)  # type: ignore[union-attr]
    engine.close()


def test_boosts_and_burials_move_scores_and_say_so(world: World, engine: SearchEngine) -> None:
    first, second = items(ask(engine, "red"))[:2]
    supplier = "zoo" if second == "two" else "acme"
    made = add(world, "boost", "", f"supplier:{supplier}", amount=0.5)
    page = ask(engine, "red", explain=True)
    assert items(page)[0] == second
    boosted = hit(page, second)
    assert boosted.explanation is not None
    total = sum(part.contribution for part in boosted.explanation.contributions)
    assert total == pytest.approx(boosted.score)
    assert [part.feature for part in boosted.explanation.contributions if part.feature == "boost"] == [
        "boost"
    ]
    assert made.rule_id in [rule.rule_id for rule in rules_of(page, second)]
    RuleStore(world.library.path).remove(made.rule_id)
    add(world, "bury", "red", f"acme/{first}" if first == "one" else "zoo/two", amount=1.0)
    assert items(ask(engine, "red"))[0] == second
    assert items(ask(engine, "ocean red"))[0] == first  # the burial is for other words


def test_a_rule_for_what_is_gone_does_nothing(world: World, engine: SearchEngine) -> None:
    before = items(ask(engine, "red"))
    add(world, "boost", "", "supplier:nobody", amount=0.5)
    add(world, "boost", "", "image:0000", amount=0.5)
    add(world, "pin", "red", "acme/never")
    assert items(ask(engine, "red")) == before


def test_synonyms_are_looked_up_explained_and_cost_no_coverage(world: World, engine: SearchEngine) -> None:
    assert "lexical" not in hit(ask(engine, "sea water", explain=True), "sea").explanation.sources  # type: ignore[union-attr]
    alone = ask(engine, "red", explain=True)
    add(world, "synonym", "sea", "ocean")
    add(world, "synonym", "red", "scarlet")
    page = ask(engine, "sea water", explain=True)
    found = hit(page, "sea").explanation
    assert found is not None
    assert "lexical" in found.sources
    assert found.matches["title"] == ("ocean",)
    assert "synonyms" in page.notes
    with_synonym = ask(engine, "red", explain=True)
    assert hit(with_synonym, "one").score == pytest.approx(hit(alone, "one").score)
    assert "synonyms" not in ask(engine, "water").notes


def test_a_synonym_of_chinese_words(world: World, engine: SearchEngine) -> None:
    add(world, "synonym", "叶子", "树叶")
    assert hit(ask(engine, "叶子", explain=True), "leaf").explanation.matches["title"] == ("树叶",)  # type: ignore[union-attr]


def test_an_ended_rule_is_over(world: World, engine: SearchEngine) -> None:
    now = datetime.now(UTC)
    add(world, "pin", "red", "acme/bush", until=now - timedelta(seconds=1))
    assert items(ask(engine, "red"))[0] != "bush"
    add(world, "pin", "red", "acme/sea", until=now + timedelta(days=1))
    assert items(ask(engine, "red"))[0] == "sea"


def test_pinned_images_belong_to_the_relevant_set(world: World, engine: SearchEngine) -> None:
    give_cutoff(world)
    assert ask(engine, "red").relevant == 2
    add(world, "pin", "red", "acme/bush", rank=9)
    page = ask(engine, "red")
    assert page.relevant == 3
    assert items(page)[2] == "bush"
    add(world, "pin", "red", "acme/one", rank=1)
    page = ask(engine, "red")
    assert (page.relevant, items(page)[0]) == (3, "one")
    add(world, "boost", "red", "acme/sea", amount=1.0)
    assert items(ask(engine, "red"))[3] == "sea"  # raised among those that do not match, and no further


def test_damaged_rules_cost_no_search(world: World, engine: SearchEngine) -> None:
    add(world, "pin", "red", "acme/bush")
    assert items(ask(engine, "red"))[0] == "bush"
    RuleStore(world.library.path).path.write_text("{", "utf-8")
    assert items(ask(engine, "red"))[0] == "bush"
