"""Grids and lists: every query once an epoch, the same for the same step, grades and masks of each entry."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from list_builders import captions, graded

from tusou.errors import DataError
from tusou.training.data.batches import Batch, GridBatches, ListBatches, Relevance
from tusou.training.data.relevance import RelevanceData

pytestmark = pytest.mark.train  # see test_relevance_lookup.py

Batches = GridBatches | ListBatches
CLICKS = graded([("red car", {0: 0.0, 1: 2.0, 2: 1.0, 3: 0.0, 4: 0.0}), ("雪山", {5: 1.0, 6: 0.0})], 8)


def grids(data: RelevanceData, size: int, seed: int = 0) -> GridBatches:
    return GridBatches(Relevance(data), size, seed)


def lists(data: RelevanceData, size: int, length: int, seed: int = 0, *, shown: bool = False) -> ListBatches:
    return ListBatches(Relevance(data), size, length, seed, shown_only=shown)


def epoch_of(batches: Batches, epoch: int = 0) -> list[Batch]:
    return [batches.batch(epoch, step) for step in range(len(batches))]


def items_of(batch: Batch) -> list[list[int]]:
    """Images of each list by their positions in the data, -1 where there is none."""
    assert batch.items is not None
    return np.where(batch.known, batch.images[batch.items], -1).tolist()  # type: ignore[no-any-return]


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(vars(one)[name], vars(other)[name]) for name in vars(one))


both_kinds = pytest.mark.parametrize(
    "make", [grids, lambda data, size, seed=0: lists(data, size, 3, seed)], ids=["grid", "lists"]
)


@both_kinds
@pytest.mark.parametrize("count", [1, 8, 10, 12])
def test_every_query_comes_once_an_epoch(make: Any, count: int) -> None:
    batches = make(captions(count, 6), 4)
    for epoch in range(3):
        drawn = list(chain(*(batch.queries.tolist() for batch in epoch_of(batches, epoch))))
        assert sorted(drawn) == list(range(count))


def test_a_last_grid_of_one_query_is_left_out_and_another_one_each_epoch() -> None:
    batches = grids(captions(9, 9), 4)
    drawn = [
        list(chain(*(batch.queries.tolist() for batch in epoch_of(batches, epoch)))) for epoch in range(6)
    ]
    assert all(len(set(queries)) == len(queries) == 8 for queries in drawn)
    assert len({frozenset(queries) for queries in drawn}) > 1


def test_a_last_list_of_one_query_has_negatives_of_its_own() -> None:
    assert [len(batch.queries) for batch in epoch_of(lists(captions(9, 9), 4, 2))] == [4, 4, 1]


@both_kinds
def test_a_batch_follows_from_seed_epoch_and_step(make: Any) -> None:
    data = captions(12, 12)
    batch = make(data, 4, seed=1).batch(2, 1)
    batches = make(data, 4, seed=1)
    batches.batch(0, 0)  # what was drawn before changes nothing
    assert same(batches.batch(2, 1), batch)
    for other in (make(data, 4, seed=2).batch(2, 1), batches.batch(1, 1), batches.batch(2, 0)):
        assert not same(other, batch)


def test_a_grid_holds_every_image_of_the_batch_once() -> None:
    """Six captions of three images: a query's own image is relevant wherever it came from."""
    batch = grids(captions(6, 3), 6).batch(0, 0)
    assert batch.items is None
    assert batch.images.tolist() == [0, 1, 2]
    expected = [[float(query % 3 == image) for image in range(3)] for query in batch.queries]
    assert batch.grades.tolist() == expected
    assert batch.known.all()


def test_a_grid_masks_identical_captions_and_near_duplicates() -> None:
    data = graded([("a dog", {0: 1.0}), ("A dog.", {1: 1.0}), ("a cat", {2: 1.0}), ("树", {3: 1.0})], 4)
    relevance = Relevance(data, np.array([[2, 3]]))
    batch = GridBatches(relevance, 4, 0).batch(0, 0)
    unknown = {(0, 1), (1, 0), (2, 3), (3, 2)}
    found = {
        (int(batch.queries[row]), int(batch.images[column]))
        for row, column in zip(*np.nonzero(~batch.known), strict=True)
    }
    assert found == unknown
    assert not batch.grades[~batch.known].any()


def test_a_grid_draws_among_the_relevant_images_of_a_query() -> None:
    data = graded([("a", {0: 1.0, 1: 2.0, 2: 0.0}), ("b", {3: 1.0})], 4)
    drawn = {tuple(grids(data, 2).batch(epoch, 0).images.tolist()) for epoch in range(20)}
    assert drawn == {(0, 3), (1, 3)}


def test_queries_without_a_relevant_image_are_skipped() -> None:
    data = graded([("a", {0: 0.0}), ("b", {0: 1.0}), ("c", {}), ("d", {1: 1.0})], 3)
    for batches in (grids(data, 8), lists(data, 8, 2)):
        assert sorted(batches.batch(0, 0).queries.tolist()) == [1, 3]
    with pytest.raises(DataError, match="no query has a relevant image"):
        grids(graded([("a", {0: 0.0})], 1), 2)


def test_random_lists_hold_a_relevant_image_first_then_drawn_ones() -> None:
    batch = lists(captions(20, 20), 20, 5).batch(0, 0)
    assert batch.images.tolist() == sorted(set(batch.images.tolist()))
    found = items_of(batch)
    assert [row[0] for row in found] == batch.queries.tolist()
    assert len(set(chain(*(row[1:] for row in found)))) > 10
    expected = [[float(item == row[0]) for item in row] for row in found]
    assert batch.grades.tolist() == expected


def test_shown_images_come_before_drawn_ones() -> None:
    batch = lists(CLICKS, 2, 4).batch(0, 0)
    rows = dict(zip(batch.queries.tolist(), items_of(batch), strict=True))
    assert rows[1][:2] == [5, 6]
    assert set(rows[0]) <= {0, 1, 2, 3, 4}
    grades = dict(zip(batch.queries.tolist(), batch.grades.tolist(), strict=True))
    assert grades[0] == [{0: 0, 1: 2, 2: 1, 3: 0, 4: 0}[item] for item in rows[0]]


def test_the_second_image_of_a_list_is_not_relevant() -> None:
    """Two relevant images once filled lists of two, which then had nothing to compare."""
    for shown in (False, True):
        for epoch in range(20):
            batch = lists(CLICKS, 2, 2, shown=shown).batch(epoch, 0)
            assert (batch.grades[:, 0] > 0).all()
            assert batch.grades[:, 1].tolist() == [0, 0]


def test_a_query_with_relevant_images_only_gets_a_drawn_one() -> None:
    data = graded([("a", {0: 1.0, 1: 1.0, 2: 1.0})], 200)
    batch = lists(data, 2, 3).batch(0, 0)
    assert batch.grades.tolist() == [[1, 0, 1]]


def test_shown_lists_are_padded_with_unknown_entries() -> None:
    batch = lists(CLICKS, 2, 6, shown=True).batch(0, 0)
    rows = {query: sorted(row) for query, row in zip(batch.queries.tolist(), items_of(batch), strict=True)}
    assert rows == {0: [-1, 0, 1, 2, 3, 4], 1: [-1, -1, -1, -1, 5, 6]}
    assert batch.images.tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_shown_lists_skip_queries_with_nothing_to_compare() -> None:
    data = graded([("a", {0: 1.0}), ("b", {0: 1.0, 1: 0.0})], 3)
    assert lists(data, 2, 2, shown=True).batch(0, 0).queries.tolist() == [1]
    with pytest.raises(DataError, match="nothing to compare"):
        lists(captions(3, 3), 2, 2, shown=True)


def test_hard_negatives_are_drawn_from_the_mined_ones() -> None:
    batches = lists(captions(10, 10), 10, 4)
    batches.hard = np.array([[(query + 1) % 10, (query + 2) % 10] for query in range(10)])
    batch = batches.batch(0, 0)
    for query, row in zip(batch.queries.tolist(), items_of(batch), strict=True):
        assert row[0] == query
        assert set(row[1:]) <= {(query + 1) % 10, (query + 2) % 10}


@settings(max_examples=40, deadline=None)
@given(
    data=st.builds(captions, st.integers(1, 12), st.integers(1, 5)),
    size=st.integers(2, 5),
    length=st.integers(2, 4),
)
def test_any_size(data: RelevanceData, size: int, length: int) -> None:
    for batch in chain(epoch_of(grids(data, size)), epoch_of(lists(data, size, length))):
        columns = len(batch.images) if batch.items is None else length
        assert batch.grades.shape == batch.known.shape == (len(batch.queries), columns)
        assert 1 <= len(batch.queries) <= size
        assert ((batch.grades > 0) & batch.known).any(1).all()


def one_by_one(row_of: RelevanceData, query: int, rng: np.random.Generator, length: int) -> list[int]:
    """A shown list drawn for one query alone: what the vectorised draw must equal in distribution."""
    entries = slice(row_of.offsets[query], row_of.offsets[query + 1])
    shown, relevant = row_of.items[entries], row_of.grades[entries] > 0
    positive = rng.choice(shown[relevant])
    wrong = rng.permutation(shown[~relevant])
    others = rng.permutation(np.concatenate([wrong[1:], shown[relevant & (shown != positive)]]))
    chosen = [int(positive), *wrong[:1].tolist(), *others.tolist()][:length]
    return [*chosen, *[-1] * (length - len(chosen))]


@pytest.mark.parametrize("length", [2, 3, 6])
def test_lists_are_drawn_as_one_by_one(length: int) -> None:
    """Every list the loop over queries can give comes, as often, from the draw without a loop."""
    data = graded([("a", {0: 2.0, 1: 1.0, 2: 0.0, 3: 0.0}), ("b", {4: 1.0, 5: 2.0})], 6)
    batches, rng, draws = lists(data, 2, length, shown=True), np.random.default_rng(5), 4000
    ours: Counter[tuple[int, ...]] = Counter()
    for epoch in range(draws):
        batch = batches.batch(epoch, 0)
        ours.update((int(q), *row) for q, row in zip(batch.queries, items_of(batch), strict=True))
    naive = Counter((query, *one_by_one(data, query, rng, length)) for _ in range(draws) for query in (0, 1))
    assert ours.keys() == naive.keys()
    worst = max(abs(ours[row] - naive[row]) / np.sqrt(ours[row] + naive[row]) for row in naive)
    assert worst < 4.5, "standard deviations"
