"""Judged features as learning to rank exchanges them: LETOR text, ``grade qid:7 1:0.3 2:1.5 # doc_id``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.errors import EvaluationError
from tusou.evaluation.lines import read_lines

_HEAD = re.compile(r"(\d+)(?:\.0+)?\s+qid:(\S+)\s*")
_VALUE = re.compile(r"([1-9]\d*):(\S+)")


@dataclass(frozen=True, slots=True)
class JudgedFeatures:
    """Rows of (query, document), queries one after the other.

    Attributes:
        grades: (rows,) 0 or more.
        query_ids: (rows,) the query of each.
        features: (rows, features) float32; NaN where a row names none.
        doc_ids: (rows,) the comment of each row; empty when there is none.
    """

    grades: npt.NDArray[np.int64]
    query_ids: tuple[str, ...]
    features: npt.NDArray[np.float32]
    doc_ids: tuple[str, ...]


def read_letor(path: Path) -> JudgedFeatures:
    """Read a LETOR or SVMrank file.

    Raises:
        EvaluationError: No such file (``data_not_found``); a line without grade and qid, a feature that is no
            ``number:finite value``, a feature named twice, or no line at all (``bad_letor``).
    """
    grades, query_ids, doc_ids, rows = [], [], [], []
    for where, line in read_lines(path, "bad_letor"):
        body, _, comment = line.partition("#")
        head = _HEAD.match(body.strip())
        if head is None:
            if not body.strip():
                continue
            raise EvaluationError(f"{where}: expected 'grade qid:QUERY 1:VALUE ...'", reason="bad_letor")
        grades.append(int(head[1]))
        query_ids.append(head[2])
        doc_ids.append(comment.strip())
        rows.append(dict(_values(body.strip()[head.end() :], where)))
    width = max((max(row, default=0) for row in rows), default=0)
    features = np.full((len(rows), width), np.nan, np.float32)
    for i, row in enumerate(rows):
        features[i, [number - 1 for number in row]] = list(row.values())
    return JudgedFeatures(np.array(grades, np.int64), tuple(query_ids), features, tuple(doc_ids))


def write_letor(path: Path, data: JudgedFeatures) -> None:
    """Write a LETOR file; NaN features are left out, numbers keep float32's precision."""
    with path.open("w", encoding="utf-8") as stream:
        for i, (grade, query_id) in enumerate(zip(data.grades, data.query_ids, strict=True)):
            given = np.flatnonzero(~np.isnan(data.features[i]))
            values = "".join(f" {j + 1}:{np.format_float_positional(data.features[i, j])}" for j in given)
            comment = f" # {data.doc_ids[i]}" if data.doc_ids[i] else ""
            stream.write(f"{grade} qid:{query_id}{values}{comment}\n")


def _values(text: str, where: str) -> Iterator[tuple[int, float]]:
    seen: set[int] = set()
    for part in text.split():
        match = _VALUE.fullmatch(part)
        number, value = (int(match[1]), _float(match[2])) if match else (0, None)
        if value is None:
            raise EvaluationError(
                f"{where}: expected features such as 3:0.25 with finite values, got {part!r}",
                reason="bad_letor",
            )
        if number in seen:
            raise EvaluationError(f"{where}: feature {number} is given twice", reason="bad_letor")
        seen.add(number)
        yield number, value


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
