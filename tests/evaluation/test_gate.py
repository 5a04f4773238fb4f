"""The gate fails when a drop is both large and sure, and only then."""

from __future__ import annotations

import pytest

from tusou.errors import EvaluationError
from tusou.evaluation.comparison import Comparison, compare
from tusou.evaluation.gate import check_gate
from tusou.evaluation.graded import parse_measure

QUERIES = [str(i) for i in range(12)]
QRELS = {query_id: {"x": 1} for query_id in QUERIES}
GOOD = {query_id: ["x"] for query_id in QUERIES}


def with_second_rank(count: int) -> Comparison:
    """The baseline against a run whose answer stands second in ``count`` queries: RR falls by count / 24."""
    run = {**GOOD, **{query_id: ["y", "x"] for query_id in QUERIES[:count]}}
    return compare({"old": GOOD, "new": run}, QRELS, [parse_measure("RR")])


@pytest.mark.parametrize(
    ("count", "allowed", "ok"),
    [
        (0, 0.0, True),
        (4, 0.01, True),  # p = 1/16: large, not sure
        (5, 0.01, False),  # p = 1/32
        (5, 0.25, True),  # sure, and put up with
    ],
)
def test_drops_that_are_large_and_sure_fail(count: int, allowed: float, ok: bool) -> None:
    (verdict,) = check_gate(with_second_rank(count), alpha=0.05, allowed=allowed)
    assert verdict.drop == pytest.approx(count / 24)
    assert verdict.probability == pytest.approx(1 / 2**count)
    assert verdict.ok is ok


def test_a_gain_never_fails() -> None:
    worse = {query_id: ["y", "x"] for query_id in QUERIES}
    found = compare({"old": worse, "new": GOOD}, QRELS, [parse_measure("RR")])
    assert check_gate(found, alpha=0.05, allowed=0.0)[0].ok


def test_measures_are_adjusted_together() -> None:
    run = {**GOOD, **{query_id: ["y", "x"] for query_id in QUERIES[:5]}}
    measures = [parse_measure("RR"), parse_measure("Success@5")]
    found = compare({"old": GOOD, "new": run}, QRELS, measures)
    first, second = check_gate(found, alpha=0.05, allowed=0.01)
    assert first.probability == pytest.approx(2 / 32)
    assert first.ok
    assert second.probability == 1.0


def test_two_systems_are_asked_for() -> None:
    with pytest.raises(EvaluationError, match="one baseline"):
        check_gate(compare({"old": GOOD}, QRELS, [parse_measure("RR")]), alpha=0.05, allowed=0.0)
