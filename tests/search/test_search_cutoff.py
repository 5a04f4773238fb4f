"""Where answers end: the relevant set, its count, and what a search says when there is none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import solid, striped
from search_builders import BLUE, GREEN, RED, YELLOW, World, ask, give_cutoff, items, png
from tusou.ranking.cutoff_files import MANIFEST
from tusou.search.engine import SearchEngine


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add_many(
        [
            (solid(RED), {"item_id": "red", "title_en": "red"}),
            (solid(BLUE), {"item_id": "blue", "title_en": "sea"}),
            (striped({RED: 12, BLUE: 20}), {"item_id": "stripes", "supplier": "zoo"}),
            (solid(RED), {"item_id": "silent"}),
            (solid(GREEN), {"item_id": "green"}),
        ]
    )
    give_cutoff(made)
    yield made
    made.close()


@pytest.fixture
def engine(world: World) -> Iterator[SearchEngine]:
    opened = world.engine()
    yield opened
    opened.close()


def test_the_relevant_images_come_first_and_are_counted(engine: SearchEngine) -> None:
    page = ask(engine, "red", facets=True)
    assert page.relevant == 2
    assert items(page)[:2] == ["red", "silent"]
    assert page.total == 5
    probabilities = [hit.probability for hit in page.hits]
    assert probabilities[:2] == [pytest.approx(1.0, abs=1e-3), pytest.approx(0.5, abs=1e-3)]
    assert all(found is not None and found < 0.5 for found in probabilities[2:])
    assert page.facets["supplier"] == [("acme", 2)]
    assert not page.more_relevant


def test_relevance_goes_before_the_rankers_other_reasons(world: World) -> None:
    world.add(solid(RED), item_id="small", title_en="red", width=20, height=20)
    engine = world.engine()
    page = ask(engine, "red")
    assert set(items(page)[:3]) == {"red", "silent", "small"}
    assert page.relevant == 3
    scores = [hit.score for hit in page.hits]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    engine.close()


def test_nothing_matches_is_said_and_the_nearest_are_shown(engine: SearchEngine) -> None:
    page = ask(engine, "yellow", facets=True)
    assert page.relevant == 0
    assert "nothing_matches" in page.notes
    assert page.total == 5
    assert sum(count for _, count in page.facets["supplier"]) == 5


def test_only_the_relevant_ones_when_asked(engine: SearchEngine) -> None:
    page = ask(engine, "red", relevant_only=True)
    assert (items(page), page.total, page.relevant) == (["red", "silent"], 2, 2)
    second = ask(engine, "red", relevant_only=True, offset=1, limit=1, explain=True)
    assert items(second) == ["silent"]
    assert second.hits[0].explanation is not None
    nothing = ask(engine, "yellow", relevant_only=True)
    assert (nothing.total, nothing.relevant) == (0, 0)


def test_the_newest_of_the_relevant_ones(engine: SearchEngine) -> None:
    page = ask(engine, "red", sort="newest")
    assert items(page) == ["silent", "red"]
    assert page.relevant == 2


def test_it_is_not_known_of_pictures_and_of_filters_alone(engine: SearchEngine) -> None:
    for page in (
        ask(engine, "supplier:zoo"),
        ask(engine, image=png(solid(RED))),
        ask(engine, "red", image=png(solid(RED))),
    ):
        assert page.relevant is None
        assert page.hits[0].probability is None
        assert "nothing_matches" not in page.notes
    page = ask(engine, image=png(solid(RED)), relevant_only=True)
    assert page.total == 5
    assert "relevance_unknown" in page.notes  # what was asked for cannot be done, and is said
    assert "relevance_unknown" in ask(engine, "supplier:zoo", relevant_only=True).notes
    assert "relevance_unknown" not in ask(engine, "red", relevant_only=True).notes


def test_filters_do_not_move_the_probability(engine: SearchEngine) -> None:
    whole = {hit.image.item_id: hit.probability for hit in ask(engine, "red").hits}
    filtered = ask(engine, "red supplier:zoo")
    assert filtered.relevant == 0
    assert filtered.hits[0].probability == whole["stripes"]


def test_a_relevant_set_beyond_the_depth_is_counted_in_full(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_many([(solid(YELLOW), {"item_id": f"y{i}"}) for i in range(30)])
    monkeypatch.setattr(world.library, "config", replace(world.library.config, recall_depth=10))
    engine = world.engine()
    page = ask(engine, "yellow", limit=100)
    assert page.relevant == 30
    assert not page.more_relevant
    monkeypatch.setattr(world.library, "config", replace(world.library.config, recall_depth=2))
    engine = world.engine()
    page = ask(engine, "yellow", limit=100)
    assert page.relevant == 20
    assert page.more_relevant
    engine.close()


def test_a_new_cutoff_is_followed_and_a_damaged_one_is_not(
    world: World, engine: SearchEngine, caplog: pytest.LogCaptureFixture
) -> None:
    folder = give_cutoff(world, threshold=0.9)
    assert ask(engine, "red").relevant == 1
    (folder / MANIFEST).write_text("{}", "utf-8")
    with caplog.at_level(logging.ERROR):
        assert ask(engine, "red").relevant == 1
        assert ask(engine, "red").relevant == 1
    assert sum("the cut-off cannot be loaded" in line for line in caplog.messages) == 1
    (folder / MANIFEST).unlink()
    assert ask(engine, "red").relevant is None
