"""A running server's counts follow the log, and a log that cannot be read leaves them as they are."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from feedback_builders import event, query, write

from library_builder import ingest, write_pictures
from tusou.catalog.library import Library
from tusou.errors import LibraryCorrupt
from tusou.feedback.live_clicks import LiveClicks
from tusou.feedback.store import EventStore

ROWS = np.array([1, 2])


def clicks_of(live: LiveClicks) -> list[float]:
    return [float(count) for count in live.of_images(ROWS).clicks]


def test_counts_follow_the_log(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    live = LiveClicks(path, lambda _: {"a": 1, "b": 2})
    assert not live.refresh()  # there is no log yet
    assert clicks_of(live) == [0, 0]
    assert live.of_pairs("snow", ROWS).impressions.tolist() == [0, 0]
    with EventStore(path) as store:
        write(store, query(text="snow"), event(image="b"))
        assert live.refresh()
        assert clicks_of(live) == [0, 1]
        assert live.of_pairs("Snow", ROWS).clicks.tolist() == [0, 1]
        assert not live.refresh()  # nobody wrote
        write(store, event("e2", image="a"))
        assert live.refresh()
        assert clicks_of(live) == [1, 1]
    live.close()


def test_a_thread_follows_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    live = LiveClicks(path, lambda _: {"a": 1}, every=0.01)
    live.start()
    with EventStore(path) as store:
        write(store, query(), event())
    deadline = time.monotonic() + 20
    while clicks_of(live) != [1, 0]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    live.close()
    assert not live._thread.is_alive()


def test_a_log_that_cannot_be_read_is_told_and_the_counts_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "events.sqlite"
    path.write_bytes(b"no database " * 1000)
    live = LiveClicks(path, lambda _: {}, every=0.01)
    with pytest.raises(LibraryCorrupt):
        live.refresh()
    live.start()
    deadline = time.monotonic() + 20
    while "clicks are not up to date" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    live.close()
    assert clicks_of(live) == [0, 0]


def test_the_catalog_names_the_rows_of_images(tmp_path: Path) -> None:
    write_pictures(tmp_path / "src", 3)
    ingest(tmp_path / "lib", tmp_path / "src")
    with Library.open(tmp_path / "lib") as library:
        records = library.catalog.records()
        ids = [record.image_id for record in records]
        assert library.catalog.rows_of([*ids, "nobody"]) == {each.image_id: each.row for each in records}
