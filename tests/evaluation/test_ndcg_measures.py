"""Measures as values, and runs against judgments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.errors import EvaluationError, QrelsRunMismatch
from tusou.evaluation.graded import Measure, parse_measure
from tusou.evaluation.judged_run import evaluate_run

JUDGED = {"a": 3, "b": 2, "c": 1, "d": 0, "e": 0}
RANKING = ["d", "x", "c", "a", "y"]  # grades 0, unjudged, 1, 3, unjudged

rankings = st.permutations([*JUDGED, "x", "y", "z"])
NAMES = ("nDCG", "P", "RR", "Success", "Judged")


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("P@4", 0.5),
        ("P@10", 0.2),  # over k, though only five were returned
        ("P(rel=2)@4", 0.25),
        ("P(rel=3)@3", 0.0),
        ("RR@10", 1 / 3),
        ("RR@2", 0.0),
        ("RR(rel=2)@10", 1 / 4),
        ("Success@2", 0.0),
        ("Success@3", 1.0),
        ("Success(rel=2)@3", 0.0),
        ("Judged@1", 1.0),
        ("Judged@2", 0.5),
        ("Judged@10", 3 / 5),  # over what was returned
        ("nDCG@1", 0.0),
    ],
)
def test_cases_by_hand(measure: str, value: float) -> None:
    assert parse_measure(measure).of(RANKING, JUDGED) == pytest.approx(value)


@pytest.mark.parametrize("text", ["nDCG@10", "P@5", "P(rel=2)@5", "RR@10", "Success(rel=3)@1", "Judged@10"])
def test_a_measure_has_one_spelling(text: str) -> None:
    assert str(parse_measure(text)) == text
    assert parse_measure(text) == parse_measure(text)


def test_the_lowest_grade_is_not_spelled() -> None:
    assert str(parse_measure("P(rel=1)@5")) == "P@5"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nDCG",
        "ndcg@10",
        "nDCG@0",
        "nDCG@-1",
        "P@",
        "P(rel=0)@5",
        "nDCG(rel=2)@5",
        "Judged(rel=2)@5",
        "AUC@5",
        "Recall",
        "Success",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(EvaluationError, match="no measure") as caught:
        parse_measure(text)
    assert caught.value.reason == "unknown_measure"


@given(rankings, st.sampled_from(NAMES), st.integers(1, 12))
def test_every_measure_lies_between_0_and_1(ranking: list[str], name: str, k: int) -> None:
    assert 0 <= Measure(name, k).of(ranking, JUDGED) <= 1 + 1e-12


@given(rankings, st.sampled_from(["RR", "Success"]), st.integers(1, 12))
def test_looking_deeper_never_costs(ranking: list[str], name: str, k: int) -> None:
    assert Measure(name, k).of(ranking, JUDGED) <= Measure(name, k + 1).of(ranking, JUDGED)


@given(rankings, st.integers(1, 12), st.integers(1, 3))
def test_precision_success_and_rank_agree(ranking: list[str], k: int, grade: int) -> None:
    relevant = [JUDGED.get(doc_id, 0) >= grade for doc_id in ranking[:k]]
    assert Measure("P", k, grade).of(ranking, JUDGED) == pytest.approx(sum(relevant) / k)
    assert Measure("Success", k, grade).of(ranking, JUDGED) == float(any(relevant))
    first = 1 / (relevant.index(True) + 1) if any(relevant) else 0.0
    assert Measure("RR", k, grade).of(ranking, JUDGED) == pytest.approx(first)


@pytest.mark.parametrize("name", NAMES)
def test_the_best_ranking_is_worth_1_and_an_empty_one_nothing(name: str) -> None:
    assert Measure(name, 3).of(["a", "b", "c"], JUDGED) == pytest.approx(1.0)
    assert Measure(name, 3).of([], JUDGED) == (1.0 if name == "Judged" else 0.0)


MEASURES = [parse_measure("RR@10"), parse_measure("P@1")]
QRELS = {"q1": JUDGED, "q2": {"a": 1}, "hopeless": {"a": 0}, "unasked": {"a": 3}}


def test_queries_without_relevant_documents_are_left_out_and_counted() -> None:
    run = {"q1": RANKING, "q2": ["a"], "hopeless": ["a"], "unjudged": ["a"]}
    measured = evaluate_run(run, QRELS, MEASURES)
    assert measured.values == {"q1": (pytest.approx(1 / 3), 0.0), "q2": (1.0, 1.0)}
    assert measured.left_out == ("hopeless", "unjudged")
    assert measured.means(run) == pytest.approx((2 / 3, 1 / 2))
    assert measured.means(["q2", "hopeless"]) == (1.0, 1.0)


def test_a_query_that_found_nothing_counts_as_0() -> None:
    assert evaluate_run({"q1": [], "q2": ["a"]}, QRELS, MEASURES).means(["q1", "q2"]) == (0.5, 0.5)


def test_many_queries_equal_one_by_one() -> None:
    run = {"q1": RANKING, "q2": ["b", "a"]}
    together = evaluate_run(run, QRELS, MEASURES)
    for query_id, ranking in run.items():
        alone = evaluate_run({query_id: ranking}, QRELS, MEASURES)
        assert alone.values[query_id] == together.values[query_id]


def test_a_mean_over_nothing_is_refused() -> None:
    measured = evaluate_run({"q1": RANKING, "hopeless": []}, QRELS, MEASURES)
    with pytest.raises(EvaluationError, match="no query"):
        measured.means(["hopeless"])


def test_judgments_of_other_queries_are_refused() -> None:
    with pytest.raises(QrelsRunMismatch, match="none of the 1"):
        evaluate_run({"other": ["a"]}, QRELS, MEASURES)


def test_a_document_twice_in_an_answer_is_refused() -> None:
    with pytest.raises(EvaluationError, match="holds a 2 times") as caught:
        evaluate_run({"q1": ["b", "a", "a"]}, QRELS, MEASURES)
    assert caught.value.reason == "bad_run"


def test_a_reversed_run_is_worth_less() -> None:
    """Negative control: the measures see the order."""
    best = ["a", "b", "c", "d", "e"]
    for name in ("nDCG", "RR"):
        assert Measure(name, 5).of(best[::-1], JUDGED) < Measure(name, 5).of(best, JUDGED)
