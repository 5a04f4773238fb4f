"""Any sequence of adds, changes, deletes, commits and reopenings leaves the engine equal to the oracle."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from index_builders import EmbeddedShelf, ExactShelf, ask, document, unit_rows

from tusou.index import row_files, vector_codes
from tusou.index.base import Index
from tusou.types import Filters

ROWS = 40
ROW = st.integers(0, ROWS - 1)
TITLE = st.sampled_from(["red car", "雪山", "red 雪山", "lake", ""])
SUPPLIER = st.sampled_from(["a", "b"])


class IndexMachine(RuleBasedStateMachine):
    """The embedded index and the oracle side by side, with a reader that follows now and then."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.places = (
            EmbeddedShelf(Path(self.folder.name) / "index", unit_rows(ROWS)),
            ExactShelf(unit_rows(ROWS)),
        )
        self.writers = [place.open(writer=True) for place in self.places]
        self.readers = [place.open() for place in self.places]
        self.commits, self.dirty = 0, False

    @rule(rows=st.lists(ROW, min_size=1, max_size=12), title=TITLE, supplier=SUPPLIER)
    def upsert(self, rows: list[int], title: str, supplier: str) -> None:
        for writer in self.writers:
            writer.upsert([document(row, title, supplier=supplier) for row in rows])
        self.dirty = True

    @rule(rows=st.lists(ROW, min_size=1, max_size=6))
    def delete(self, rows: list[int]) -> None:
        for writer in self.writers:
            writer.delete(rows)
        self.dirty = True

    @precondition(lambda self: self.dirty)
    @rule()
    def commit(self) -> None:
        self.commits += 1
        for writer in self.writers:
            writer.commit(self.commits)
        self.dirty = False

    @rule()
    def reopen_writer(self) -> None:
        """What was not committed is gone."""
        self.writers[0].close()
        self.writers = [place.open(writer=True) for place in self.places]
        self.dirty = False

    @rule()
    def refresh(self) -> None:
        changed = [reader.refresh() for reader in self.readers]
        assert changed[0] == changed[1]

    @rule()
    def reopen_reader(self) -> None:
        self.readers = [place.open() for place in self.places]

    @invariant()
    def both_answer_alike(self) -> None:
        if not hasattr(self, "writers"):
            return
        for pair in (self.writers, self.readers):
            assert answers(pair[0]) == answers(pair[1])

    def teardown(self) -> None:
        if hasattr(self, "writers"):
            assert self.writers[0].verify() == []
            self.writers[0].close()
            self.folder.cleanup()


def answers(index: Index) -> list[object]:
    """What an index says to a few questions, in a form that can be compared."""
    mask = index.mask(Filters(supplier=("a",)))
    assert mask is not None
    found: list[object] = [len(index), index.watermark, np.flatnonzero(mask).tolist()]
    for query in (ask("red"), ask("雪山", "lake"), ask("red", must_not=("car",)), ask(must=("red car",))):
        found += [sorted(index.search_text(query, ROWS, chosen).rows.tolist()) for chosen in (None, mask)]
    query_row = unit_rows(1, seed=4)[0]
    found += [index.search_vectors(query_row, 8, chosen).rows.tolist() for chosen in (None, mask)]
    return [*found, index.facets(None, ["supplier"])]


def test_any_sequence_of_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals fold and codes begin within a few rows, so that short runs meet both."""
    monkeypatch.setattr(row_files, "SMALL_JOURNAL", 6)
    monkeypatch.setattr(vector_codes, "CHUNK", 16)
    effort = settings(
        max_examples=25,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(IndexMachine, settings=effort)
