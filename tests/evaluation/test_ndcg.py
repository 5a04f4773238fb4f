"""nDCG against cases worked by hand, a naive reference and what must always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.evaluation.ndcg import ndcg

grade_lists = st.lists(st.integers(0, 3), min_size=1, max_size=30).filter(any)
cutoffs = st.integers(1, 40)


def grades(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def naive(ranked: list[int], judged: list[int], k: int) -> float:
    """The definition, term by term."""

    def dcg(values: list[int]) -> float:
        return sum((2.0 ** max(g, 0) - 1) / math.log2(rank + 1) for rank, g in enumerate(values[:k], start=1))

    return dcg(ranked) / dcg(sorted(judged, reverse=True))


@pytest.mark.parametrize(
    ("ranked", "judged", "k", "value"),
    [
        ((3,), (3,), 1, 1.0),
        ((0, 3), (3, 0), 2, 1 / math.log2(3)),  # the one good document at rank 2: 7 / log2(3) over 7
        ((1, 3), (3, 1), 2, (1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3))),
        ((2,), (3, 2), 1, 3 / 7),  # gain 3 where 7 was possible
        ((-1, 3), (3,), 2, 1 / math.log2(3)),  # nobody judged the first: it gains nothing
        ((3,), (3, 3), 2, 7 / (7 + 7 / math.log2(3))),  # a short answer leaves out what exists
        ((0, 0, 1), (1,), 2, 0.0),  # behind the cut-off
        ((), (1,), 10, 0.0),
    ],
)
def test_cases_by_hand(ranked: tuple[int, ...], judged: tuple[int, ...], k: int, value: float) -> None:
    assert ndcg(grades(*ranked), grades(*judged), k) == pytest.approx(value, abs=1e-12)


@given(grade_lists, cutoffs, st.integers(0, 2**32 - 1))
def test_equals_the_definition(judged: list[int], k: int, seed: int) -> None:
    ranked = np.random.default_rng(seed).permutation([*judged, -1, -1]).tolist()
    assert ndcg(grades(*ranked), grades(*judged), k) == pytest.approx(naive(ranked, judged, k), abs=1e-12)


@given(grade_lists, cutoffs)
def test_best_order_is_one_and_no_other_is_better(judged: list[int], k: int) -> None:
    best = sorted(judged, reverse=True)
    assert ndcg(grades(*best), grades(*judged), k) == pytest.approx(1.0)
    assert 0 <= ndcg(grades(*best[::-1]), grades(*judged), k) <= 1 + 1e-12


@given(grade_lists, cutoffs)
def test_swapping_a_pair_into_the_right_order_never_costs(judged: list[int], k: int) -> None:
    worst = sorted(judged)
    swapped = [worst[-1], *worst[1:-1], worst[0]] if len(worst) > 1 else worst
    assert ndcg(grades(*swapped), grades(*judged), k) >= ndcg(grades(*worst), grades(*judged), k) - 1e-12


@given(grade_lists, cutoffs, st.integers(0, 2**32 - 1))
def test_order_of_the_judgments_does_not_matter(judged: list[int], k: int, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(judged)
    assert ndcg(grades(*judged), shuffled, k) == ndcg(grades(*judged), grades(*judged), k)


def test_equal_grades_may_change_places() -> None:
    assert ndcg(grades(2, 2, 0), grades(2, 2, 0), 3) == 1.0


def test_the_ideal_comes_from_the_judgments_and_not_from_the_answer() -> None:
    """An answer that found only the marginal document in the best order is not perfect."""
    assert ndcg(grades(1, 0), grades(3, 3, 1, 0), 10) == pytest.approx(1 / (7 + 7 / math.log2(3) + 1 / 2))


def test_gain_is_exponential() -> None:
    """Linear gain would give 2 / 3 here."""
    assert ndcg(grades(2), grades(3), 1) == pytest.approx(3 / 7)


def test_shuffled_answers_lose() -> None:
    judged = grades(*[3] * 5, *[0] * 95)
    rng = np.random.default_rng(0)
    shuffled = np.mean([ndcg(rng.permutation(judged), judged, 10) for _ in range(200)])
    assert shuffled < 0.15
