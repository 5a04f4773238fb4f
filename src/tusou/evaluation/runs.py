"""Runs on disk: TREC runs, ``query_id Q0 doc_id rank score tag``, best first."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tusou.errors import EvaluationError
from tusou.evaluation.judged_run import Run
from tusou.evaluation.lines import read_lines


def read_run(path: Path) -> dict[str, list[str]]:
    """Read a TREC run; documents are put in the order of their scores, as trec_eval does.

    Equal scores keep the order of the file; the rank column is not looked at.

    Raises:
        EvaluationError: No such file (``data_not_found``); a line without six columns, a score that is no
            finite number, a document returned twice for a query, or no line at all (``bad_run``).
    """
    scored: dict[str, dict[str, float]] = defaultdict(dict)
    for where, line in read_lines(path, "bad_run"):
        columns = line.split()
        if len(columns) != 6:
            raise EvaluationError(
                f"{where}: expected 'query_id Q0 doc_id rank score tag', got {len(columns)} columns",
                reason="bad_run",
            )
        query_id, _, doc_id, _, score, _ = columns
        if doc_id in scored[query_id]:
            raise EvaluationError(f"{where}: {doc_id} is returned twice for {query_id}", reason="bad_run")
        scored[query_id][doc_id] = _score(score, where)
    return {query_id: sorted(found, key=lambda d: -found[d]) for query_id, found in scored.items()}


def write_run(path: Path, run: Run, tag: str) -> None:
    """Write a TREC run; the score is the number of documents from this one to the end.

    Args:
        path: File to write.
        run: Query to documents, best first; names without white space.
        tag: Names the system; without white space.
    """
    path.write_text("".join(_lines(run, tag)), encoding="utf-8")


def _lines(run: Mapping[str, Sequence[str]], tag: str) -> list[str]:
    return [
        f"{query_id} Q0 {doc_id} {rank} {len(found) - rank + 1} {tag}\n"
        for query_id, found in run.items()
        for rank, doc_id in enumerate(found, start=1)
    ]


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise EvaluationError(f"{where}: expected a finite number as score, got {text!r}", reason="bad_run")
    return score
