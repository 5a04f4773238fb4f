"""Training candidates out of the event log: exactly what the ranking saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import solid
from search_builders import BLUE, RED, World, ask, striped
from tusou.evaluation.qrels import JudgedQuery
from tusou.feedback.records import LoggedQuery
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.ranking.feature_log import unpack_features
from tusou.search.logged import logged_candidates
from tusou.types import SearchPage

QUERY = JudgedQuery("q1", "en", "word", "Red")
QRELS = {"q1": {"acme/one": 3, "acme/two": 0}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add(solid(RED), item_id="one", title_en="red")
    made.add(striped({RED: 8, BLUE: 24}), item_id="two")
    made.add(solid(BLUE), item_id="three")
    yield made
    made.close()


def log(world: World, page: SearchPage, words: str = "red") -> LoggedQuery:
    query = LoggedQuery(
        page.query_id,
        int(time.time() * 1000),
        words,
        tuple(hit.image.image_id for hit in page.hits),
        features=page.features,
    )
    with EventStore(world.library.path / FILE_NAME) as store:
        store.write([query], [], now=query.timestamp)
    return query


def test_features_come_back_as_the_ranking_saw_them(world: World) -> None:
    engine = world.engine()
    page = ask(engine, "red")
    logged = log(world, page)
    assert logged.features is not None
    with EventStore(world.library.path / FILE_NAME, read_only=True) as store:
        found = logged_candidates(store, world.library.catalog, [QUERY], QRELS)
    assert (found.answers, found.outdated) == (1, 0)
    (query,) = found.queries
    assert query.doc_ids == tuple(f"acme/{hit.image.item_id}" for hit in page.hits)
    assert query.grades.tolist() == [QRELS["q1"].get(name, -1) for name in query.doc_ids]
    np.testing.assert_array_equal(query.table.values, unpack_features(logged.features).values)
    engine.close()


def test_the_latest_values_count_and_others_are_left_out(world: World) -> None:
    engine = world.engine()
    first = log(world, ask(engine, "red"))
    world.add(solid(RED), item_id="one", title_en="red rose")
    engine.refresh()
    latest = log(world, ask(engine, "red"))
    log(world, ask(engine, "blue"), "blue")
    log(world, replace(ask(engine, "red"), features=None))
    old = ask(engine, "red")
    log(world, replace(old, features=b"other v1" + (old.features or b"")[8:]))
    with EventStore(world.library.path / FILE_NAME, read_only=True) as store:
        found = logged_candidates(store, world.library.catalog, [QUERY], QRELS)
    assert (found.answers, found.outdated) == (2, 1)
    assert first.features is not None
    assert latest.features is not None
    (query,) = found.queries
    place = query.doc_ids.index("acme/one")
    shown = list(latest.hits).index(query_id_of(world, "one"))
    np.testing.assert_array_equal(query.table.values[place], unpack_features(latest.features).values[shown])
    engine.close()


def query_id_of(world: World, item: str) -> str:
    record = world.library.catalog.find("acme", item)
    assert record is not None
    return record.image_id


def test_queries_without_a_relevant_logged_image_are_left_out(world: World) -> None:
    engine = world.engine()
    log(world, ask(engine, "red"))
    with EventStore(world.library.path / FILE_NAME, read_only=True) as store:
        for qrels in ({}, {"q1": {"acme/gone": 3}}, {"q1": {"acme/one": 0}}):
            assert logged_candidates(store, world.library.catalog, [QUERY], qrels).queries == ()
    engine.close()
