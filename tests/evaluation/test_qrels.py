"""Judgments and queries on disk, and those of the demo library."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tusou.errors import EvaluationError
from tusou.evaluation.qrels import (
    JudgedQuery,
    Judgment,
    qrels_of,
    read_judgments,
    read_queries,
    write_judgments,
)

DEMO = Path(__file__).parents[2] / "demo"
LINES = "q2 looked zoo/b 0\n\nq1\tclick\tacme/狗 3\nq1 looked zoo/b 1\r\n"


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def test_lines_are_read_whatever_the_white_space(tmp_path: Path) -> None:
    judgments = read_judgments(written(tmp_path / "qrels", LINES))
    assert judgments[1] == Judgment("q1", "click", "acme/狗", 3)
    assert qrels_of(judgments) == {"q2": {"zoo/b": 0}, "q1": {"acme/狗": 3, "zoo/b": 1}}


def test_what_is_written_reads_the_same_in_a_fixed_order(tmp_path: Path) -> None:
    judgments = read_judgments(written(tmp_path / "qrels", LINES))
    write_judgments(tmp_path / "one", judgments)
    write_judgments(tmp_path / "two", judgments[::-1])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert set(read_judgments(tmp_path / "one")) == set(judgments)
    assert (tmp_path / "one").read_text("utf-8").splitlines()[0] == "q1 click acme/狗 3"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("q1 0 a/b\n", "line 1: expected 'query_id source doc_id grade', got 3 columns"),
        ("q1 0 a/b 1\nq1 0 a b 1\n", "line 2"),
        ("q1 0 a/b 4\n", "a grade is 0 to 3, got '4'"),
        ("q1 0 a/b -1\n", "a grade is 0 to 3"),
        ("q1 0 a/b good\n", "a grade is 0 to 3"),
        ("q1 0 a/b 1\nq1 1 a/b 2\n", "line 2: a/b is judged twice for q1"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        read_judgments(written(tmp_path / "qrels", text))
    assert problem in str(caught.value)
    assert caught.value.reason == "bad_qrels"


def test_queries_are_read_in_order(tmp_path: Path) -> None:
    lines = (
        '{"query_id": "b", "lang": "zh", "kind": "word", "q": "猫"}\n'
        '{"q": "cat", "query_id": "a", "lang": "en", "kind": ""}'
    )
    assert read_queries(written(tmp_path / "q", lines)) == [
        JudgedQuery("b", "zh", "word", "猫"),
        JudgedQuery("a", "en", "", "cat"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "cat",
        "[1]",
        '{"query_id": "a"}',
        '{"query_id": "a", "lang": "en", "kind": "", "q": "cat", "more": 1}',
        '{"query_id": "a", "lang": "fr", "kind": "", "q": "chat"}',
        '{"query_id": "a", "lang": "en", "kind": "", "q": 1}',
    ],
)
def test_bad_queries_are_named(tmp_path: Path, line: str) -> None:
    good = '{"query_id": "b", "lang": "zh", "kind": "word", "q": "猫"}\n'
    with pytest.raises(EvaluationError, match="line 2: expected") as caught:
        read_queries(written(tmp_path / "q", good + line))
    assert caught.value.reason == "bad_queries"


def test_a_query_twice_is_refused(tmp_path: Path) -> None:
    line = '{"query_id": "b", "lang": "zh", "kind": "word", "q": "猫"}\n'
    with pytest.raises(EvaluationError, match="b is there already"):
        read_queries(written(tmp_path / "q", line * 2))


@pytest.mark.parametrize("read", [read_judgments, read_queries])
def test_missing_and_binary_files_are_named(tmp_path: Path, read: type) -> None:
    with pytest.raises(EvaluationError, match="no file") as caught:
        read(tmp_path / "nowhere")
    assert caught.value.reason == "data_not_found"
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(EvaluationError, match="UTF-8"):
        read(tmp_path / "picture")


def test_the_demo_set_is_large_balanced_and_made_by_looking() -> None:
    queries = read_queries(DEMO / "judged-queries.jsonl")
    judgments = read_judgments(DEMO / "judgments.qrels")
    languages = Counter(query.lang for query in queries)
    assert languages["en"] == languages["zh"] >= 32
    assert {each.source for each in judgments} == {"looked"}
    assert {each.query_id for each in judgments} == {query.query_id for query in queries}


def test_demo_judgments_name_images_of_the_demo_library() -> None:
    lines = (DEMO / "attribution.tsv").read_text("utf-8").splitlines()
    images = {"/".join(line.split("\t")[:2]) for line in lines[1:]}
    assert {each.doc_id for each in read_judgments(DEMO / "judgments.qrels")} <= images
