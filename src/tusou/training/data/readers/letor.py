"""LETOR and SVMrank text: ``rel qid:7 1:.3 2:0 # docid``, one row per line, read line by line."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.training.data.builder import is_grade, nothing_usable
from tusou.training.data.letor import LetorData
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.relevance import Positions

_ROW = re.compile(rb"^[^\s#]+\s+qid:\S+\s", re.MULTILINE)
_FOLD = {"train.txt": "train", "vali.txt": "dev", "test.txt": "test"}


def recognises(path: Path) -> bool:
    """A text file whose first row has a ``qid:``, or a fold's folder (train.txt, vali.txt, test.txt)."""
    files = _files(path)
    return bool(files) and all(file.is_file() and _looks_right(file) for file, _ in files)


def read(path: Path, options: DataOptions, problems: Problems) -> LetorData:
    """Read rows into one dense matrix; queries keep the order of their first rows.

    Raises:
        DataError: No query with differing grades is left (``nothing_usable``).
    """
    files = _files(path)
    dims = _dims([file for file, _ in files], sparse=options.sparse)
    table = _Table(dims, sparse=options.sparse, problems=problems)
    for file, split in files:
        table.add(file, split)
    return table.build()


def _files(path: Path) -> list[tuple[Path, str]]:
    if path.is_dir():
        return [(path / name, split) for name, split in _FOLD.items() if (path / name).is_file()]
    return [(path, _FOLD.get(path.name, ""))] if path.suffix != ".json" else []


def _looks_right(file: Path) -> bool:
    with file.open("rb") as stream:
        return bool(_ROW.search(stream.read(4096)))


def _dims(files: list[Path], *, sparse: bool) -> int:
    """Number of features: the last one of most rows, or the highest of all rows when they may be left out."""
    last: Counter[int] = Counter()
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                number = line.partition(b"#")[0].rpartition(b":")[0].rpartition(b" ")[2]
                if number.isdigit():
                    last[int(number)] += 1
    return (max(last, default=0) if sparse else max(last, key=lambda n: (last[n], n), default=0)) or 1


class _Table:
    """Rows as they come, then sorted by query."""

    def __init__(self, dims: int, *, sparse: bool, problems: Problems) -> None:
        self._dims = dims
        self._all = np.arange(1, dims + 1)
        self._sparse = sparse
        self._problems = problems
        self._queries: dict[tuple[str, str], int] = {}
        self._query_of_row = array("q")
        self._grades = array("f")
        self._features = array("f")
        self._names: list[str] = []

    def add(self, file: Path, split: str) -> None:
        """Read the rows of a file."""
        with file.open(encoding="utf-8", errors="replace") as stream:
            for number, line in enumerate(stream, start=1):
                body, _, name = line.partition("#")
                if body.strip():
                    self._add_row(f"{file.name}:{number}", body.split(), name.strip(), split)

    def _add_row(self, where: str, words: list[str], name: str, split: str) -> None:
        try:
            grade, query_id = float(words[0]), words[1].removeprefix("qid:")
            if query_id == words[1]:
                raise _RowError("bad_row", f"expected qid:… behind the grade, got {words[1]!r:.40}")
            if not is_grade(grade):
                raise _RowError("bad_grade", f"grade {words[0]!r:.40}")
            row = self._row(words[2:])
        except _RowError as error:
            self._problems.add(where, error.reason, str(error))
            return
        except (ValueError, IndexError) as error:
            self._problems.add(where, "bad_row", f"expected `grade qid:id 1:value …`: {error}")
            return
        self._query_of_row.append(self._queries.setdefault((split, query_id), len(self._queries)))
        self._grades.append(grade)
        self._features.extend(row)
        self._names.append(name)

    def _row(self, words: list[str]) -> array[float]:
        """(dims,) the features of one row."""
        numbers, values = _pairs(words)
        if not np.array_equal(numbers, self._all):
            self._check(numbers)
        row = np.zeros(self._dims, np.float32)
        with np.errstate(over="ignore"):  # becomes infinite, and is refused for it
            row[numbers - 1] = values
        if not np.isfinite(row).all():
            first = int(np.flatnonzero(~np.isfinite(row))[0]) + 1
            raise _RowError("bad_features", f"feature {first} is not finite")
        return array("f", row.tobytes())

    def _check(self, numbers: Positions) -> None:
        """Feature numbers that are not simply 1 to dims."""
        if len(numbers) and (numbers.min() < 1 or numbers.max() > self._dims):
            raise _RowError("wrong_dims", f"features go from 1 to {self._dims}; found {numbers.max()}")
        if len(np.unique(numbers)) != len(numbers):
            raise _RowError("bad_row", "a feature stands in the row twice")
        if len(numbers) < self._dims and not self._sparse:
            raise _RowError("missing_features", f"{len(numbers)} of {self._dims} features")

    def build(self) -> LetorData:
        """The matrix, without queries that teach no order."""
        if not self._names:
            raise nothing_usable(self._problems)
        queries = np.frombuffer(self._query_of_row, np.int64)
        order = np.argsort(queries, kind="stable")
        lengths = np.bincount(queries, minlength=len(self._queries))
        data = LetorData(
            np.frombuffer(self._features, np.float32).reshape(-1, self._dims)[order],
            np.frombuffer(self._grades, np.float32)[order],
            np.cumsum([0, *lengths], dtype=np.int64),
            tuple(query_id for _, query_id in self._queries),
            tuple(self._names[i] for i in order),
            tuple(split for split, _ in self._queries),
        )
        kept = np.array(list(self._instructive(data)), dtype=np.int64)
        if not len(kept):
            raise nothing_usable(self._problems)
        return data if len(kept) == len(data.query_ids) else data.select(kept)

    def _instructive(self, data: LetorData) -> Iterator[int]:
        """Queries with a positive row and grades that differ."""
        for i, query_id in enumerate(data.query_ids):
            grades = data.grades[data.offsets[i] : data.offsets[i + 1]]
            if grades.max() <= 0:
                self._problems.add(
                    f"qid:{query_id}", "no_positive", f"none of {len(grades)} rows is relevant"
                )
            elif len(grades) > 1 and grades.min() == grades.max():
                self._problems.add(
                    f"qid:{query_id}", "equal_grades", f"all {len(grades)} rows have one grade"
                )
            else:
                yield i


class _RowError(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _pairs(words: list[str]) -> tuple[Positions, npt.NDArray[np.float64]]:
    """Feature numbers and values of ``1:.3 2:0``, all split at once: rows have a hundred of them."""
    parts = " ".join(words).replace(":", " : ").split()
    if len(parts) != 3 * len(words) or parts[1::3] != [":"] * len(words):
        raise _RowError("bad_row", "expected feature:value throughout")
    numbers = np.array([*map(int, parts[::3])], dtype=np.int64)
    return numbers, np.array([*map(float, parts[2::3])])
