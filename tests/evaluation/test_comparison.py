"""Systems are compared query by query, the first being the baseline."""

from __future__ import annotations

import pytest

from tusou.errors import EvaluationError, QrelsRunMismatch
from tusou.evaluation.comparison import compare
from tusou.evaluation.graded import parse_measure

QRELS = {"a": {"x": 3, "y": 0}, "b": {"x": 1, "z": 2}, "c": {"x": 1}, "none": {"x": 0}}
MEASURES = [parse_measure("RR"), parse_measure("Success@1")]


def test_means_wins_and_losses_by_hand() -> None:
    runs = {
        "old": {"a": ["y", "x"], "b": ["z"], "c": ["x"], "none": ["x"]},
        "new": {"a": ["x"], "b": ["y", "x"], "c": ["x"]},
    }
    found = compare(runs, QRELS, MEASURES)
    assert found.query_ids == ("a", "b", "c")
    assert found.left_out == ("none",)
    assert found.values("old", 0).tolist() == [0.5, 1, 1]
    assert found.values("new", 0).tolist() == [1, 0.5, 1]
    assert [mean.value for mean in found.means["old"]] == pytest.approx([2.5 / 3, 2 / 3])
    first, second = found.differences
    assert (first.system, first.measure, first.mean.value) == ("new", "RR", 0)
    assert (first.wins, first.losses, first.ties) == (1, 1, 1)
    assert first.probability == second.probability == 1.0


def test_a_query_a_system_does_not_answer_counts_as_empty() -> None:
    found = compare({"old": {"a": ["x"], "b": ["z"]}, "new": {"a": ["x"]}}, QRELS, MEASURES)
    assert found.values("new", 0).tolist() == [1, 0]


def test_several_comparisons_are_adjusted_together() -> None:
    qrels = {str(i): {"x": 1} for i in range(12)}
    good = {query_id: ["x"] for query_id in qrels}
    bad = {query_id: ["y", "x"] for query_id in qrels}
    alone = compare({"bad": bad, "good": good}, qrels, MEASURES[:1]).differences[0]
    three = compare({"bad": bad, "good": good, "same": bad, "too": good}, qrels, MEASURES[:1]).differences
    assert alone.probability == 2 / 2**12
    assert [each.probability for each in three] == [3 * 2 / 2**12, 1.0, 3 * 2 / 2**12]


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(EvaluationError, match="judge some"):
        compare({"old": {"none": ["x"]}}, QRELS, MEASURES)
    with pytest.raises(QrelsRunMismatch):
        compare({"old": {"other": ["x"]}}, QRELS, MEASURES)
    with pytest.raises(EvaluationError, match="a run and a measure"):
        compare({}, QRELS, MEASURES)
