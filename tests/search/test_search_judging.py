"""What to judge next: the pool, what comes first, and that no rank shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import solid
from search_builders import BLUE, RED, World, textured
from tusou.catalog.records import image_id_of
from tusou.search.engine import SearchEngine
from tusou.search.judging import POOL, TOP, needs, next_images


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SearchEngine]:
    world = World(tmp_path)
    world.add_many((textured(n), {"item_id": f"t{n:02d}", "title_en": "red"}) for n in range(30))
    world.add_many((solid(RED), {"item_id": f"r{n:02d}"}) for n in range(15))
    world.add(solid(BLUE), item_id="sea")
    opened = world.engine()
    yield opened
    opened.close()
    world.close()


def ids(
    engine: SearchEngine,
    judge: str = "li",
    opinions: dict[str, dict[str, int]] | None = None,
    count: int = 99,
) -> list[str]:
    return [record.item_id for record in next_images(engine, "red", judge, opinions or {}, count)]


def own(item: str) -> str:
    return image_id_of("acme", item)


def test_the_pool_holds_the_answer_and_what_each_recall_finds(engine: SearchEngine) -> None:
    found = ids(engine)
    assert len(found) >= POOL
    assert len(set(found)) == len(found)
    assert any(item.startswith("r") for item in found)  # by the picture alone
    assert any(item.startswith("t") for item in found)  # by the words alone


def test_the_order_tells_nothing_and_is_each_judges_own(engine: SearchEngine) -> None:
    assert ids(engine) == ids(engine)
    assert sorted(ids(engine)) == sorted(ids(engine, judge="wu"))
    assert ids(engine) != ids(engine, judge="wu")


def test_what_a_judge_graded_does_not_come_again(engine: SearchEngine) -> None:
    first, *others = ids(engine)
    graded = {own(first): {"li": 2}}
    assert sorted(ids(engine, opinions=graded)) == sorted(others)
    assert first in ids(engine, judge="wu", opinions=graded)


def test_ungraded_images_of_the_top_come_first_and_then_contradictions(engine: SearchEngine) -> None:
    pool = ids(engine)
    top = set(ids(engine, count=TOP))
    assert len(top) == TOP
    open_one = next(item for item in pool if item not in top)
    opinions = {own(item): {"wu": 2, "mo": 2} for item in pool}
    del opinions[own(open_one)]
    contradicted = next(item for item in pool if item != open_one)
    opinions[own(contradicted)] = {"wu": 0, "mo": 3}
    assert set(ids(engine, opinions=opinions, count=2)) == {open_one, contradicted}


def test_queries_people_ask_and_nobody_judged_are_most_urgent(engine: SearchEngine) -> None:
    top = ids(engine, count=TOP)
    judged = {own(item): {"li": 3} for item in top}
    found = needs(engine, {"red": {"li": TOP}}, {"blue": 7, "red": 50}, {"red": judged})
    assert [need.q for need in found] == ["blue", "red"]
    assert (found[1].unjudged, found[1].asked, found[1].judges) == (0, 50, {"li": TOP})
    assert found[0].unjudged == found[0].shown == TOP
