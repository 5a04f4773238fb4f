"""Measures against cases worked by hand, a naive reference and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.errors import EvaluationError
from tusou.evaluation.measures import ann_recall, median_rank, success

RANKS = np.array([1, 3, 10, 11])

ranks_lists = st.lists(st.integers(1, 50), min_size=1, max_size=30)


@pytest.mark.parametrize(("k", "share"), [(1, 0.25), (2, 0.25), (3, 0.5), (10, 0.75), (11, 1.0), (99, 1.0)])
def test_success_by_hand(k: int, share: float) -> None:
    assert success(RANKS, k) == share


@pytest.mark.parametrize(("ranks", "median"), [([7], 7), ([1, 3, 10], 3), ([1, 3, 10, 11], 6.5)])
def test_median_rank_by_hand(ranks: list[int], median: float) -> None:
    assert median_rank(np.array(ranks)) == median


@given(ranks_lists, st.integers(1, 60))
def test_success_equals_counting(ranks: list[int], k: int) -> None:
    hits = 0
    for rank in ranks:
        if rank <= k:
            hits += 1
    assert success(np.array(ranks), k) == pytest.approx(hits / len(ranks))


@given(ranks_lists, st.integers(1, 60))
def test_success_grows_with_k_and_forgets_order(ranks: list[int], k: int) -> None:
    value = success(np.array(ranks), k)
    assert 0 <= value <= success(np.array(ranks), k + 1) <= 1
    assert success(np.array(sorted(ranks)), k) == value


def test_perfect_ranking_is_one() -> None:
    assert success(np.ones(5, dtype=np.int64), 1) == 1
    assert median_rank(np.ones(5, dtype=np.int64)) == 1


@pytest.mark.parametrize("ranks", [[], [0, 1], [-3]])
def test_impossible_ranks_are_refused(ranks: list[int]) -> None:
    given_ranks = np.array(ranks, dtype=np.int64)
    with pytest.raises(EvaluationError):
        success(given_ranks, 1)
    with pytest.raises(EvaluationError):
        median_rank(given_ranks)


def test_success_at_zero_is_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 1"):
        success(RANKS, 0)


EXACT = np.array([[4, 2, 9], [1, 0, 3]])


@pytest.mark.parametrize(
    ("found", "k", "recall"),
    [
        (EXACT, 3, 1.0),
        (EXACT[:, ::-1], 3, 1.0),  # order within the top k does not count
        (EXACT[:, ::-1], 1, 0.0),  # but what falls behind the cut-off does
        ([[4, 2, 7], [1, 8, 6]], 3, 0.5),  # 2 of 3 and 1 of 3
        ([[4, 4, 4], [5, 5, 5]], 3, 1 / 6),  # a row returned twice counts once
        ([[-1, -1, -1], [-1, -1, -1]], 2, 0.0),
    ],
)
def test_ann_recall_by_hand(found: list[list[int]], k: int, recall: float) -> None:
    assert ann_recall(np.array(found), EXACT, k) == pytest.approx(recall)


def test_ann_recall_asks_only_for_what_exists() -> None:
    exact = np.array([[5, -1, -1], [-1, -1, -1]])
    assert ann_recall(np.array([[5, -1, -1], [-1, -1, -1]]), exact, 3) == 1
    assert ann_recall(np.array([[-1, -1, -1], [-1, -1, -1]]), exact, 3) == 0.5


@given(st.integers(1, 20), st.integers(1, 10), st.integers(0, 2**32 - 1))
def test_ann_recall_equals_sets(queries: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, exact = (np.array([rng.permutation(30)[:12] for _ in range(queries)]) for _ in range(2))
    naive = [len(set(f[:k].tolist()) & set(e[:k].tolist())) / k for f, e in zip(found, exact, strict=True)]
    assert ann_recall(found, exact, k) == pytest.approx(sum(naive) / queries)


@pytest.mark.parametrize(("found", "k"), [(EXACT[:1], 1), (EXACT, 4), (EXACT, 0), (EXACT[:, :1], 2)])
def test_ann_recall_of_lists_that_do_not_fit_is_refused(found: np.ndarray, k: int) -> None:
    with pytest.raises(EvaluationError):
        ann_recall(found, EXACT, k)


def test_ann_recall_of_nothing_is_refused() -> None:
    empty = np.empty((0, 3), dtype=np.int64)
    with pytest.raises(EvaluationError):
        ann_recall(empty, empty, 1)
