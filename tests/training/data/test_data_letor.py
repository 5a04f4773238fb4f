"""LETOR text becomes a dense matrix; each bad row and each useless query is skipped and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tusou.errors import DataError
from tusou.training.data.letor import LetorData
from tusou.training.data.reading import DataSource, read_source

GOOD = """# a comment
2 qid:7 1:.5 2:0 3:1e-3 # doc-1
0 qid:8 1:1 2:2 3:3 # doc-2
0 qid:7 1:-1 2:4 3:5 #doc-3 inc = 1

1 qid:8 3:6 1:4 2:5
"""


def write(folder: Path, text: str, name: str = "rows.txt") -> Path:
    (folder / name).write_text(text)
    return folder / name


def letor(source: DataSource) -> LetorData:
    assert isinstance(source.data, LetorData)
    return source.data


def found(source: DataSource) -> list[tuple[str, str]]:
    return [(row.where, row.reason) for row in source.problems.rows]


def test_rows_are_grouped_by_query(tmp_path: Path) -> None:
    source = read_source(write(tmp_path, GOOD))
    data = letor(source)
    assert (source.format, found(source)) == ("letor", [])
    assert data.query_ids == ("7", "8")
    assert data.offsets.tolist() == [0, 2, 4]
    assert data.grades.tolist() == [2, 0, 0, 1]
    assert data.row_names == ("doc-1", "doc-3 inc = 1", "doc-2", "")
    expected = np.array([[0.5, 0, 1e-3], [-1, 4, 5], [1, 2, 3], [4, 5, 6]], np.float32)
    np.testing.assert_array_equal(data.features, expected)
    assert data.features.dtype == np.float32


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1 qid:7 1:1 2:nan 3:3", "bad_features"),
        ("1 qid:7 1:1 2:1e39 3:3", "bad_features"),
        ("1 qid:7 1:1 2:2", "missing_features"),
        ("1 qid:7 1:1 2:2 3:3 4:4", "wrong_dims"),
        ("1 qid:7 0:1 1:2 2:3", "wrong_dims"),
        ("1 qid:7 1:1 2:2 2:3", "bad_row"),
        ("1 qid:7 1:1 2 3:3", "bad_row"),
        ("1 qid:7 1:one 2:2 3:3", "bad_row"),
        ("1 7 1:1 2:2 3:3", "bad_row"),
        ("1", "bad_row"),
        ("nan qid:7 1:1 2:2 3:3", "bad_grade"),
        ("-1 qid:7 1:1 2:2 3:3", "bad_grade"),
        ("good qid:7 1:1 2:2 3:3", "bad_row"),
    ],
)
def test_a_bad_row_costs_only_itself(tmp_path: Path, row: str, reason: str) -> None:
    source = read_source(write(tmp_path, f"{GOOD}{row} # bad\n"))
    assert found(source) == [("rows.txt:7", reason)]
    assert letor(source).grades.tolist() == [2, 0, 0, 1]


def test_sparse_rows_fill_up_with_zeros(tmp_path: Path) -> None:
    path = write(tmp_path, "1 qid:1 2:5\n0 qid:1 1:1 4:2\n")
    data = letor(read_source(path, sparse=True))
    assert data.features.tolist() == [[0, 5, 0, 0], [1, 0, 0, 2]]


def test_queries_that_teach_no_order_are_left_out(tmp_path: Path) -> None:
    rows = ["0 qid:1 1:1", "0 qid:1 1:2", "1 qid:2 1:3", "1 qid:2 1:4", "1 qid:3 1:5", "0 qid:3 1:6"]
    source = read_source(write(tmp_path, "\n".join(rows)))
    assert found(source) == [("qid:1", "no_positive"), ("qid:2", "equal_grades")]
    data = letor(source)
    assert data.query_ids == ("3",)
    assert data.features.ravel().tolist() == [5, 6]
    assert data.offsets.tolist() == [0, 2]


def test_a_fold_names_splits_and_keeps_equal_ids_apart(tmp_path: Path) -> None:
    for name, grade in [("train.txt", 2), ("vali.txt", 3), ("test.txt", 4)]:
        write(tmp_path, f"{grade} qid:1 1:1\n0 qid:1 1:2\n", name)
    data = letor(read_source(tmp_path))
    assert data.splits == ("train", "dev", "test")
    assert data.grades.tolist() == [2, 0, 3, 0, 4, 0]


@pytest.mark.parametrize("rows", ["0 qid:1 1:1\n", "1 qid:1 1:nan\n"])
def test_nothing_usable(tmp_path: Path, rows: str) -> None:
    with pytest.raises(DataError, match="no row can be used: 1 ") as caught:
        read_source(write(tmp_path, rows))
    assert caught.value.reason == "nothing_usable"
