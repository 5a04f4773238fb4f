"""Exploration: unseen images get a place in some searches, above the floor, the same for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search_builders import World, ask, give_cutoff, items, textured
from tusou.catalog.records import image_id_of
from tusou.feedback.counts import BehaviorCounts
from tusou.ranking.rules import RuleStore
from tusou.search.engine import SearchEngine
from tusou.search.exploring import SLOTS, WINDOW_SECONDS
from tusou.types import Rows


class Seen:
    """The first images of the ranking were examined often and never chosen; the others are unseen."""

    def __init__(self, rows: range) -> None:
        self.rows = rows

    def of_images(self, rows: Rows) -> BehaviorCounts:
        examined = np.isin(rows, list(self.rows)).astype(np.float32) * 400
        return BehaviorCounts(
            examined, examined, np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        )

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        del query
        return self.of_images(rows)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add_many((textured(n), {"item_id": f"i{n:02d}", "title_en": "red"}) for n in range(24))
    give_cutoff(made)
    yield made
    made.close()


def opened(world: World, monkeypatch: pytest.MonkeyPatch, share: float = 1.0) -> SearchEngine:
    monkeypatch.setattr(world.library, "config", replace(world.library.config, exploration=share))
    engine = world.engine()
    engine.behavior = Seen(range(12))
    return engine


def at(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr("tusou.search.engine.time.time", lambda: window * WINDOW_SECONDS + 1.0)


def test_unseen_images_come_up_on_the_slots_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(world, monkeypatch, share=0.0)
    plain = items(ask(engine, "red", limit=24))
    engine = opened(world, monkeypatch)
    raised = set()
    for window in range(30):
        at(monkeypatch, window)
        page = ask(engine, "red", limit=24, explain=True)
        assert sorted(items(page)) == sorted(plain)
        assert items(page)[:3] == plain[:3]
        assert set(page.explored) <= set(SLOTS)
        assert all(0 < chance <= 1 for chance in page.explored.values())
        up = [hit for hit in page.hits if hit.explanation and "explore" in hit.explanation.sources]
        assert {hit.rank for hit in up} <= set(page.explored)
        raised |= {hit.image.item_id for hit in up}
    assert len(raised) > 5


def test_within_a_window_everybody_sees_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(world, monkeypatch)
    at(monkeypatch, 3)
    whole = items(ask(engine, "red", limit=24))
    parts = [items(ask(engine, "red", limit=8, offset=start)) for start in (0, 8, 16)]
    assert [item for part in parts for item in part] == whole
    others = set()
    for window in range(20):
        at(monkeypatch, window)
        others.add(tuple(items(ask(engine, "red", limit=24))))
    assert len(others) > 5


def test_only_the_wanted_share_of_searches_explores(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(world, monkeypatch, share=0.2)
    explored = 0
    for window in range(200):
        at(monkeypatch, window)
        explored += bool(ask(engine, "red").explored)
    assert 15 <= explored <= 65


def test_nothing_below_the_floor_comes_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_many((textured(100 + n), {"item_id": f"far{n}"}) for n in range(20))
    engine = opened(world, monkeypatch)
    for window in range(20):
        at(monkeypatch, window)
        page = ask(engine, "red", limit=24)
        assert page.relevant == 24
        assert not any(item.startswith("far") for item in items(page))


def test_chance_stays_out_where_it_does_not_belong(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(world, monkeypatch)
    at(monkeypatch, 0)
    assert not ask(engine, "red", sort="newest").explored
    assert not ask(engine, "").explored
    RuleStore(world.library.path).add("pin", "red", f"image:{image_id_of('acme', 'i20')}")
    assert not ask(engine, "red").explored
    engine.behavior = None
    assert not ask(engine, "red title").explored
