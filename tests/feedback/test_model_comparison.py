"""The model that made a log is the one the log speaks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from feedback_builders import NOW, event, query, write

from tusou.feedback.model_comparison import compare_models
from tusou.feedback.simulate import SIMULATION, SIMULATORS
from tusou.feedback.simulated_log import simulated_log
from tusou.feedback.store import EventStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(tmp_path / "events.sqlite") as store:
        yield store


def write_simulated(store: EventStore, model: str) -> None:
    """Four orders of the same ten images, mixed, so that any model can be told from any other."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 10)
    orders = [rng.permutation(10) for _ in range(4)]
    logs = [
        simulated_log(
            ["snow"], [tuple(f"i{i}" for i in order)], truth[order][None], SIMULATORS[model],
            sessions=700, seed=turn, start=NOW,
        )
        for turn, order in enumerate(orders)
    ]  # fmt: skip
    searches = [search for turn in zip(*logs, strict=True) for search in turn]
    clicks = [click for _, done in searches for click in done]
    write(store, *(asked for asked, _ in searches), *clicks, now=NOW + 10**9)


@pytest.mark.parametrize(("model", "best"), [("position-1", "position"), ("cascade", "cascade")])
def test_a_log_speaks_for_the_model_that_made_it(store: EventStore, model: str, best: str) -> None:
    write_simulated(store, model)
    found = compare_models(store, applications=[SIMULATION])
    assert min(found, key=found.__getitem__) == best
    assert 1 < found[best] < 2
    assert compare_models(store) == {}  # simulated searches count only when they are asked for


def test_lists_end_where_nothing_was_seen_any_more(store: EventStore) -> None:
    """Two of four images were in view, one was chosen, in both halves: half of what was seen was chosen."""
    for i in range(40):
        asked = {"query_id": f"q{i}"}
        write(
            store,
            query(f"q{i}", application="page"),
            event("1", "impression", "a", **asked),
            event("2", "impression", "b", **asked),
            event("3", "click", "a", **asked),
        )
    found = compare_models(store)
    assert found["rate"] == pytest.approx(1.0, abs=0.05)  # a always, b never: no surprise is left


@pytest.mark.parametrize("searches", [0, 1, 4])
def test_a_log_without_clicks_speaks_for_none(store: EventStore, searches: int) -> None:
    write(store, *(query(f"q{i}") for i in range(searches)))
    assert compare_models(store) == {}
