"""Grades written down by hand become judgments, every tile of the query once."""

from __future__ import annotations

import pytest
from pool_candidates import graded

from tusou.evaluation.qrels import Judgment

TILES = {"q1": {0: "zoo/a", 1: "zoo/b", 2: "zoo/c"}}


def test_tiles_without_a_grade_are_not_relevant() -> None:
    assert graded("q1 3: 2; 1: 0\n", TILES) == [
        Judgment("q1", "looked", "zoo/a", 1),
        Judgment("q1", "looked", "zoo/b", 0),
        Judgment("q1", "looked", "zoo/c", 3),
    ]
    assert [each.grade for each in graded("q1 ", TILES)] == [0, 0, 0]


@pytest.mark.parametrize("line", ["q2 3: 0", "q1 3: 0; 2: 0", "q1 3: 7", "q1 4: 0", "q1 3 0", "q1 3: a"])
def test_slips_of_the_pen_are_refused(line: str) -> None:
    with pytest.raises(SystemExit, match=r"q[12]"):
        graded(line, TILES)
