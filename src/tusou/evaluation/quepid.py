"""Judgments as Quepid exchanges them: CSV with the columns ``query``, ``docid`` and ``rating``.

Quepid (https://quepid.com) names a query by its words and rates on a scale of its own, by default 0 to 3.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from tusou.errors import EvaluationError
from tusou.evaluation.lines import read_lines
from tusou.evaluation.qrels import MAX_GRADE, JudgedQuery, Judgment

COLUMNS = ("query", "docid", "rating")
SOURCE = "quepid"


def read_quepid(path: Path, queries: Iterable[JudgedQuery]) -> list[Judgment]:
    """Read a Quepid export.

    Args:
        path: CSV with a header; columns beside COLUMNS are skipped. An empty rating is no judgment.
        queries: Give each query's words their query_id.

    Raises:
        EvaluationError: No such file (``data_not_found``); no header with COLUMNS, words of no known query, a
            rating that is not 0 to MAX_GRADE, or a document rated twice for a query (``bad_quepid``).
    """
    ids = {query.q: query.query_id for query in queries}
    lines = list(read_lines(path, "bad_quepid"))
    rows = csv.DictReader([line for _, line in lines])
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise EvaluationError(
            f"{path}: expected a header with {', '.join(COLUMNS)}, {', '.join(missing)} is missing",
            reason="bad_quepid",
        )
    judgments: dict[tuple[str, str], Judgment] = {}
    for row in rows:
        where = f"{path} row {rows.line_num}"
        if not (row["rating"] or "").strip():
            continue
        judgment = _judgment(row, ids, where)
        key = (judgment.query_id, judgment.doc_id)
        if key in judgments:
            raise EvaluationError(
                f"{where}: {key[1]} is rated twice for {row['query']!r}", reason="bad_quepid"
            )
        judgments[key] = judgment
    return list(judgments.values())


def write_quepid(path: Path, judgments: Iterable[Judgment], queries: Iterable[JudgedQuery]) -> None:
    """Write a file Quepid imports; judgments of queries without words are left out."""
    words = {query.query_id: query.q for query in queries}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in judgments:
            if each.query_id in words:
                writer.writerow((words[each.query_id], each.doc_id, each.grade))


def _judgment(row: Mapping[str, str], ids: Mapping[str, str], where: str) -> Judgment:
    query_id = ids.get(row["query"])
    if query_id is None:
        raise EvaluationError(
            f"{where}: no query has the words {row['query']!r}; add it to the queries", reason="bad_quepid"
        )
    rating = row["rating"].strip().removesuffix(".0")
    if rating not in {str(grade) for grade in range(MAX_GRADE + 1)}:
        raise EvaluationError(
            f"{where}: a rating is 0 to {MAX_GRADE}, got {row['rating']!r}; rescale the scorer's",
            reason="bad_quepid",
        )
    return Judgment(query_id, SOURCE, row["docid"], int(rating))
