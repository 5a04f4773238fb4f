"""What another process adds, changes or deletes is seen, and what is gone never comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search_builders import BLUE, GREEN, RED, World, png, solid
from tusou.catalog.records import Batch, Origin
from tusou.search import engine as engine_module
from tusou.search.engine import SearchEngine
from tusou.search.query_id import new_query_id
from tusou.search.shared_lock import SharedLock
from tusou.types import SearchRequest


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def engine(world: World) -> Iterator[SearchEngine]:
    """Opened before anything was added."""
    opened = world.engine()
    yield opened
    opened.close()


def items(engine: SearchEngine, q: str = "", **fields: object) -> list[str]:
    page = engine.search(SearchRequest(q=q, **fields))  # type: ignore[arg-type] # a test's shorthand
    return [hit.image.item_id for hit in page.hits]


def test_an_empty_library_answers_with_nothing(engine: SearchEngine) -> None:
    assert items(engine) == []
    assert items(engine, "red") == []
    assert items(engine, image=png(solid(RED))) == []
    assert engine.search(SearchRequest(q="red", facets=True, explain=True)).total == 0


def test_an_added_image_is_found_after_a_refresh(world: World, engine: SearchEngine) -> None:
    world.add(solid(RED), item_id="rose", title_en="Rose")
    engine.refresh()
    assert items(engine, "rose") == ["rose"]
    assert items(engine, image=png(solid(RED))) == ["rose"]


def test_searches_refresh_by_themselves_within_a_second(
    world: World, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    interval = engine_module.REFRESH_SECONDS
    assert interval < 1.0
    monkeypatch.setattr(engine_module, "REFRESH_SECONDS", 3600.0)
    world.add(solid(RED), item_id="rose")
    assert items(engine) == []
    monkeypatch.setattr(engine_module, "REFRESH_SECONDS", interval)
    time.sleep(interval)
    assert items(engine) == ["rose"]


@pytest.mark.parametrize("index_too", [True, False])
def test_a_deleted_image_is_gone_even_while_the_index_lags_behind(
    world: World, engine: SearchEngine, index_too: bool
) -> None:
    gone = world.add(solid(RED), item_id="rose", title_en="Rose")
    world.add(solid(RED), item_id="poppy", title_en="Poppy")
    engine.refresh()
    assert len(items(engine, "red")) == 2
    world.remove(gone, index_too=index_too)
    engine.refresh()
    for page in (
        engine.search(SearchRequest(q="rose", facets=True)),
        engine.search(SearchRequest(facets=True)),
        engine.search(SearchRequest(image=png(solid(RED)), facets=True)),
        engine.search(SearchRequest(image=png(solid(RED)), mode="same", facets=True)),
    ):
        assert [hit.image.item_id for hit in page.hits] == ["poppy"]
        assert page.total == 1
        assert page.facets["supplier"] == [("acme", 1)]


def test_an_image_deleted_in_the_middle_of_a_search_is_left_out(world: World, engine: SearchEngine) -> None:
    gone = world.add(solid(RED), item_id="rose")
    world.add(solid(RED), item_id="poppy")
    engine.refresh()
    world.library.catalog.apply(Batch(removed=[gone]))  # nobody has refreshed since
    assert items(engine, "red") == ["poppy"]


def test_new_bytes_of_an_image_replace_the_old_ones(world: World, engine: SearchEngine) -> None:
    world.add(solid(RED), item_id="car")
    world.add(solid(BLUE), item_id="car")
    world.add(solid(GREEN), item_id="leaf")
    engine.refresh()
    page = engine.search(SearchRequest(q="red"))
    assert page.total == 2
    assert items(engine, image=png(solid(BLUE)))[0] == "car"


def test_changed_words_are_found_by_the_new_ones_only(world: World, engine: SearchEngine) -> None:
    image_id = world.add(solid(RED), item_id="car", title_en="Car")
    record = world.library.catalog.get(image_id)
    changed = replace(record, metadata=replace(record.metadata, title_en="Lorry"))
    world.library.catalog.apply(Batch([(changed, Origin())]))
    world.index_changes()
    engine.refresh()
    assert items(engine, '"lorry"') == ["car"]
    assert items(engine, '"car"') == []


def test_a_keyword_of_the_library_becomes_a_word_of_queries(world: World, engine: SearchEngine) -> None:
    world.add(item_id="tusou", keywords_zh=("图搜引擎",))
    engine.refresh()
    (hit,) = engine.search(SearchRequest(q="图搜引擎", explain=True)).hits
    assert hit.explanation is not None
    assert dict(hit.explanation.matches) == {"keywords": ("图搜引擎",)}


def test_many_threads_search_while_images_come_and_go(
    world: World, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "REFRESH_SECONDS", 0.0)
    stop = threading.Event()
    problems: list[BaseException] = []

    def search() -> None:
        while not stop.is_set():
            try:
                page = engine.search(SearchRequest(q="red supplier:acme -nothing", facets=True, explain=True))
                assert len({hit.image.image_id for hit in page.hits}) == len(page.hits)
            except BaseException as error:  # noqa: BLE001 (whatever it is, the test must show it)
                problems.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    ids = [world.add(solid(RED), title_en=f"Red {i}") for i in range(8)]
    for image_id in ids[::2]:
        world.remove(image_id)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    engine.refresh()
    assert len(items(engine, "red")) == 4


def test_a_writer_waits_for_readers_and_goes_before_new_ones() -> None:
    lock = SharedLock()
    order: list[str] = []
    writing = threading.Thread(target=lambda: _hold(lock, "writer", order))
    reading = threading.Thread(target=lambda: _read(lock, "late reader", order))
    with lock.reading():
        writing.start()
        while not lock.writer_waits():
            time.sleep(0.001)
        reading.start()
        order.append("first reader")
    writing.join()
    reading.join()
    assert order == ["first reader", "writer", "late reader"]


def _hold(lock: SharedLock, name: str, order: list[str]) -> None:
    with lock.writing():
        order.append(name)


def _read(lock: SharedLock, name: str, order: list[str]) -> None:
    with lock.reading():
        order.append(name)


def test_query_ids_are_unique_and_sorted_by_time() -> None:
    ids = [new_query_id() for _ in range(100)]
    assert len(set(ids)) == 100
    time.sleep(0.002)
    assert max(ids) < new_query_id()
    assert all(query_id[14] == "7" and query_id[19] in "89ab" for query_id in ids)


def test_deep_pages_repeat_and_lose_nothing(world: World, engine: SearchEngine) -> None:
    """Equal pictures and words: the order must be stable without help from the scores."""
    world.add_many([(solid(RED), {"title_en": "Red"}) for _ in range(45)])
    engine.refresh()
    seen: list[str] = []
    for offset in range(0, 50, 7):
        seen += items(engine, "red", offset=offset, limit=7)
    assert len(seen) == 45
    assert seen == [f"item-{i}" for i in range(45)]
    assert np.all(np.diff([int(item.removeprefix("item-")) for item in items(engine, limit=45)]) == -1)
