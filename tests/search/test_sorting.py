"""Orders other than relevance: by arrival, by popularity fair to suppliers, by how little was seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fakes import striped
from search_builders import BLUE, GREY, RED, World, ask, items
from tusou.feedback.attraction import popularity
from tusou.feedback.counts import BehaviorCounts
from tusou.search.engine import SearchEngine
from tusou.types import Rows


@dataclass
class Seen:
    """Clicks and examinations by row, the same for every query; implements BehaviorSource."""

    clicks: list[float]
    examinations: list[float]

    def of_images(self, rows: Rows) -> BehaviorCounts:
        looked, chosen = (np.array(values, np.float32)[rows] for values in (self.examinations, self.clicks))
        return BehaviorCounts(looked, looked, chosen, np.zeros(len(rows), np.float32))

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        del query
        return self.of_images(rows)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SearchEngine]:
    """Four red pictures, two of each supplier, and a blue one."""
    world = World(tmp_path)
    for place, (supplier, name) in enumerate([("acme", "a1"), ("acme", "a2"), ("zoo", "z1"), ("zoo", "z2")]):
        world.add(striped({RED: 40, GREY: 8 + place}), supplier=supplier, item_id=name, title_en="red")
    world.add(striped({BLUE: 40}), item_id="blue", title_en="blue")
    engine = world.engine()
    yield engine
    engine.close()
    world.close()


def test_popular_is_fair_between_suppliers(engine: SearchEngine) -> None:
    # acme's pictures are clicked ten times as often; within each supplier the first does better
    engine.behavior = Seen([90, 60, 9, 1, 0], [100, 100, 100, 100, 100])
    found = items(ask(engine, "red", sort="popular"))
    assert found[0] == "z1"  # stands out most among its supplier's
    assert found.index("a1") < found.index("a2")
    assert found.index("z1") < found.index("z2")


def test_undiscovered_puts_the_least_seen_first_and_relevance_decides_who_is_there(
    engine: SearchEngine,
) -> None:
    engine.behavior = Seen([0] * 5, [5, 1, 3, 4, 0])
    found = items(ask(engine, "red", sort="undiscovered"))
    assert found == ["a2", "z1", "z2", "a1"]


def test_without_a_log_the_order_stays(engine: SearchEngine) -> None:
    relevant = items(ask(engine, "red"))
    for sort in ("popular", "undiscovered"):
        assert items(ask(engine, "red", sort=sort)) == [name for name in relevant if name != "blue"]


def test_browsing_by_popularity(engine: SearchEngine) -> None:
    engine.behavior = Seen([0, 0, 0, 0, 50], [100, 100, 100, 100, 100])
    assert items(ask(engine, "", sort="popular"))[0] == "blue"
    assert items(ask(engine, "supplier:zoo", sort="undiscovered")) == ["z2", "z1"]


def test_popularity_by_hand() -> None:
    clicks, looked, groups = np.array([5.0, 1.0, 0.0]), np.array([10.0, 10.0, 0.0]), np.array([0, 0, 1])
    group = (10 * 0.1 + 6) / (10 + 20)
    expected = [(10 * group + 5) / 20 / group, (10 * group + 1) / 20 / group, 1.0]
    np.testing.assert_allclose(popularity(clicks, looked, groups, 0.1), expected)
    assert popularity(np.empty(0), np.empty(0), np.empty(0, np.int64), 0.1).shape == (0,)
