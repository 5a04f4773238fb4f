"""Kappa against values worked out by hand and published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tusou.errors import EvaluationError
from tusou.evaluation.agreement import settled_grade, weighted_kappa


def kappa(first: list[int], second: list[int]) -> float:
    return weighted_kappa(np.array(first), np.array(second))


def test_it_is_one_for_agreement_and_below_zero_for_contradiction() -> None:
    assert kappa([0, 1, 2, 3], [0, 1, 2, 3]) == 1.0
    assert kappa([0, 3, 0, 3], [3, 0, 3, 0]) == -1.0


def test_it_is_zero_for_what_chance_gives() -> None:
    assert kappa([0, 0, 3, 3], [0, 3, 0, 3]) == pytest.approx(0.0)


def test_a_value_worked_out_by_hand() -> None:
    # observed: one pair of four is one grade apart: 1/4. By chance: grades 0, 0, 1, 2 against 0, 1, 1, 2.
    expected = sum((a - b) ** 2 for a in (0, 0, 1, 2) for b in (0, 1, 1, 2)) / 16
    assert kappa([0, 0, 1, 2], [0, 1, 1, 2]) == pytest.approx(1 - 0.25 / expected)


def test_near_misses_cost_less_than_wide_ones() -> None:
    assert kappa([0, 1, 2, 3], [1, 1, 2, 3]) > kappa([0, 1, 2, 3], [3, 1, 2, 3])


def test_nothing_can_be_told_from_one_grade_throughout() -> None:
    assert math.isnan(kappa([2, 2], [2, 2]))


@pytest.mark.parametrize(("first", "second"), [([], []), ([1], [1, 2]), ([4], [1]), ([1], [-1])])
def test_what_cannot_be_is_refused(first: list[int], second: list[int]) -> None:
    with pytest.raises(EvaluationError):
        kappa(first, second)


@pytest.mark.parametrize(
    ("opinions", "grade"), [([2], 2), ([1, 3], 1), ([0, 3, 3], 3), ([0, 1, 2, 3], 1), ([3, 0], 0)]
)
def test_one_grade_out_of_several_is_the_lower_median(opinions: list[int], grade: int) -> None:
    assert settled_grade(opinions) == grade
