"""Runs, LETOR rows and Quepid ratings: what is written is read, what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tusou.errors import EvaluationError
from tusou.evaluation.letor import JudgedFeatures, read_letor, write_letor
from tusou.evaluation.qrels import JudgedQuery, Judgment
from tusou.evaluation.quepid import read_quepid, write_quepid
from tusou.evaluation.runs import read_run, write_run

QUERIES = [JudgedQuery("en-1", "en", "word", "red, car"), JudgedQuery("zh-1", "zh", "word", "雪山")]


def write(folder: Path, text: str) -> Path:
    path = folder / "file.txt"
    path.write_text(text, "utf-8")
    return path


def test_a_run_comes_back(tmp_path: Path) -> None:
    run = {"en-1": ["zoo/b", "zoo/a", "库/c"], "zh-1": ["zoo/a"]}
    write_run(tmp_path / "run", run, "convex")
    assert read_run(tmp_path / "run") == run
    assert (tmp_path / "run").read_text("utf-8").splitlines()[0] == "en-1 Q0 zoo/b 1 3 convex"


def test_scores_settle_the_order_and_ties_keep_the_files(tmp_path: Path) -> None:
    lines = "q Q0 low 1 0.1 t\nq Q0 high 2 -1e-1 t\nq Q0 top 3 2.5 t\nq Q0 tie 4 0.1 t\n"
    assert read_run(write(tmp_path, lines)) == {"q": ["top", "low", "tie", "high"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("q Q0 a 1 0.5 t\nq Q0 a 2 0.4 t", "line 2: a is returned twice"),
        ("q Q0 a 1 0.5", "line 1: expected 'query_id Q0"),
        ("q Q0 a 1 high t", "finite number as score, got 'high'"),
        ("q Q0 a 1 nan t", "finite number"),
        ("\n\n", "is empty"),
    ],
)
def test_a_bad_run_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_run(write(tmp_path, text))
    assert caught.value.reason == "bad_run"


def test_letor_comes_back(tmp_path: Path) -> None:
    features = np.array([[0.1, np.nan, 3], [np.nan, 1e-8, -2.5]], np.float32)
    data = JudgedFeatures(np.array([3, 0]), ("en-1", "en-1"), features, ("zoo/a", ""))
    write_letor(tmp_path / "letor", data)
    back = read_letor(tmp_path / "letor")
    np.testing.assert_array_equal(back.features, features)
    assert (back.grades.tolist(), back.query_ids, back.doc_ids) == ([3, 0], data.query_ids, data.doc_ids)


def test_letor_as_others_write_it(tmp_path: Path) -> None:
    back = read_letor(
        write(tmp_path, "# made by hand\n2 qid:10 1:0.5 3:1 #docid = G1 inc = 1\n0.0 qid:10 \n")
    )
    assert back.grades.tolist() == [2, 0]
    assert back.features.shape == (2, 3)
    assert np.isnan(back.features[0, 1])
    assert back.doc_ids[0] == "docid = G1 inc = 1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 1:0.5", "line 1: expected 'grade qid"),
        ("1 qid:1 1:0.5\n1 qid:1 0:0.5", "line 2: expected features such as 3:0.25"),
        ("1 qid:1 1:inf", "finite values, got '1:inf'"),
        ("1 qid:1 2:1 2:2", "feature 2 is given twice"),
        ("-1 qid:1 2:1", "expected 'grade qid"),
    ],
)
def test_bad_letor_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_letor(write(tmp_path, text))
    assert caught.value.reason == "bad_letor"


def test_quepid_comes_back(tmp_path: Path) -> None:
    judgments = [Judgment("en-1", "quepid", "zoo/a", 3), Judgment("zh-1", "quepid", "zoo/b", 0)]
    write_quepid(tmp_path / "ratings.csv", [*judgments, Judgment("gone", "x", "zoo/c", 1)], QUERIES)
    assert read_quepid(tmp_path / "ratings.csv", QUERIES) == judgments
    assert (tmp_path / "ratings.csv").read_text("utf-8").splitlines()[1] == '"red, car",zoo/a,3'


def test_quepid_skips_what_nobody_rated(tmp_path: Path) -> None:
    text = "docid,query,rating,by\nzoo/a,雪山,2.0,me\nzoo/b,雪山,,me\n"
    assert read_quepid(write(tmp_path, text), QUERIES) == [Judgment("zh-1", "quepid", "zoo/a", 2)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("query,doc,rating\n", "docid is missing"),
        ("query,docid,rating\nblue,zoo/a,1", "row 2: no query has the words 'blue'"),
        ("query,docid,rating\n雪山,zoo/a,10", "row 2: a rating is 0 to 3, got '10'"),
        ("query,docid,rating\n雪山,zoo/a,1\n雪山,zoo/a,2", "row 3: zoo/a is rated twice"),
    ],
)
def test_bad_ratings_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_quepid(write(tmp_path, text), QUERIES)
    assert caught.value.reason == "bad_quepid"
