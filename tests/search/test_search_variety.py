"""Copies stand behind the best of them; suppliers and creators are mixed as far as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import solid
from search_builders import BLUE, RED, World, ask, give_cutoff, items, textured
from tusou.catalog.records import image_id_of
from tusou.search.engine import SearchEngine

PICTURE = textured(3)
OTHER = textured(8)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def engine_of(world: World) -> SearchEngine:
    return world.engine()


def test_the_best_licensed_and_then_the_largest_copy_is_in_front(world: World) -> None:
    world.add(PICTURE, item_id="nc", title_en="blobs", license="CC-BY-NC-4.0", width=9000)
    world.add(PICTURE, item_id="by", title_en="blobs", license="CC-BY-4.0", supplier="zoo", width=4000)
    world.add(PICTURE, item_id="small", title_en="blobs", license="CC0-1.0", width=100, height=80)
    world.add(PICTURE, item_id="large", title_en="blobs", license="CC0-1.0")
    world.add(OTHER, item_id="other", title_en="blobs")
    engine = engine_of(world)
    page = ask(engine, "blobs", facets=True, group_copies=True)
    assert sorted(items(page)) == ["large", "other"]
    front = next(hit for hit in page.hits if hit.image.item_id == "large")
    assert set(front.copies) == {
        image_id_of("acme", "nc"),
        image_id_of("zoo", "by"),
        image_id_of("acme", "small"),
    }
    assert page.total == 2
    assert sum(count for _, count in page.facets["supplier"]) == 2
    assert sorted(items(ask(engine, "blobs"))) == ["by", "large", "nc", "other", "small"]
    engine.close()


def test_a_group_stands_where_its_first_image_stood(world: World) -> None:
    world.add(PICTURE, item_id="named", title_en="blobs", license="CC-BY-NC-4.0")
    world.add(OTHER, item_id="other", description_en="some blobs")
    world.add(PICTURE, item_id="free", license="CC0-1.0")
    engine = engine_of(world)
    assert items(ask(engine, "blobs")) == ["named", "other", "free"]
    assert items(ask(engine, "blobs", group_copies=True)) == ["free", "other"]
    assert items(ask(engine, "blobs license:CC-BY-NC-4.0", group_copies=True)) == ["named"]
    engine.close()


def test_the_relevant_set_counts_pictures_and_not_copies(world: World) -> None:
    give_cutoff(world)
    for number in range(3):
        world.add(PICTURE, item_id=f"copy-{number}", title_en="red", supplier=("acme", "zoo")[number % 2])
    world.add(OTHER, item_id="other", title_en="red")
    world.add(solid(BLUE), item_id="sea")
    engine = engine_of(world)
    assert ask(engine, "red").relevant == 4
    page = ask(engine, "red", group_copies=True)
    assert (page.relevant, page.total) == (2, 3)
    assert len(items(ask(engine, "red", sort="newest", group_copies=True))) == 2
    engine.close()


def test_flat_pictures_are_copies_only_when_they_are_equal(world: World) -> None:
    world.add(solid(RED), item_id="one", title_en="red")
    world.add(solid(BLUE), item_id="two", title_en="red")
    engine = engine_of(world)
    assert len(items(ask(engine, "red", group_copies=True))) == 2
    engine.close()


def pictures(world: World) -> None:
    """Six images of one supplier and creator before two of another, all alike to the search."""
    for number in range(6):
        world.add(
            textured(20 + number),
            item_id=f"a{number}",
            title_en="blobs",
            keywords_en=("blobs",),
            creator="Li",
        )
    for number in range(2):
        world.add(
            textured(40 + number), item_id=f"z{number}", description_en="blobs", supplier="zoo", creator="Wu"
        )


def test_suppliers_are_mixed_as_far_as_wanted(world: World) -> None:
    pictures(world)
    engine = engine_of(world)
    plain = items(ask(engine, "blobs", diversity=0.0))
    assert plain == items(ask(engine, "blobs"))
    assert [item[0] for item in plain] == list("aaaaaazz")
    mixed = items(ask(engine, "blobs", diversity=1.0))
    assert sorted(mixed) == sorted(plain)
    assert mixed[0] == plain[0]
    assert "z" in "".join(item[0] for item in mixed[:3])
    assert [item for item in mixed if item[0] == "a"] == plain[:6]  # among equals of source the order stays
    firsts = [
        min(
            place
            for place, item in enumerate(items(ask(engine, "blobs", diversity=amount)))
            if item[0] == "z"
        )
        for amount in (0.0, 0.5, 1.0)
    ]
    assert firsts == sorted(firsts, reverse=True)
    engine.close()


def test_mixing_keeps_the_relevant_images_in_front(world: World) -> None:
    give_cutoff(world)
    world.add(solid(RED), item_id="r1", title_en="red")
    world.add(textured(5), item_id="r2", title_en="red")
    world.add(textured(6), item_id="r3", title_en="red")
    world.add(solid(BLUE), item_id="sea", supplier="zoo")
    engine = engine_of(world)
    page = ask(engine, "red", diversity=1.0)
    assert page.relevant == 3
    assert items(page)[3] == "sea"
    engine.close()


def test_pages_of_a_mixed_answer_follow_each_other(world: World) -> None:
    pictures(world)
    engine = engine_of(world)
    whole = items(ask(engine, "blobs", diversity=0.7))
    parts = [items(ask(engine, "blobs", diversity=0.7, offset=at, limit=3)) for at in (0, 3, 6)]
    assert [item for part in parts for item in part] == whole
    engine.close()
