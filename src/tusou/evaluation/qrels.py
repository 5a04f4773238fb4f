"""Judgments on disk: TREC qrels, ``query_id source doc_id grade``, and the queries they belong to.

The second column, which TREC tools skip, tells where a judgment comes from (``looked``: a person or session
looked at the picture).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tusou.errors import EvaluationError
from tusou.evaluation.lines import read_lines

MAX_GRADE = 3
"""Grades: 0 not relevant, 1 marginal, 2 relevant, 3 exactly what was asked for."""

Qrels = Mapping[str, Mapping[str, int]]
"""Query to judged document to grade."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """One graded opinion.

    Attributes:
        query_id: The query.
        source: Where the opinion comes from; one word.
        doc_id: The document; without white space.
        grade: 0 to MAX_GRADE.
    """

    query_id: str
    source: str
    doc_id: str
    grade: int


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query that judgments exist for.

    Attributes:
        query_id: Its name in the qrels.
        lang: ``en`` or ``zh``.
        kind: What sort of query it is, for reports.
        q: The words as typed.
    """

    query_id: str
    lang: str
    kind: str
    q: str


def read_judgments(path: Path) -> list[Judgment]:
    """Read a qrels file.

    Raises:
        EvaluationError: No such file (``data_not_found``); a line without the four columns, a grade that is
            not 0 to 3, a document judged twice for a query, or no line at all (``bad_qrels``).
    """
    judgments: dict[tuple[str, str], Judgment] = {}
    for where, line in read_lines(path, "bad_qrels"):
        judgment = _judgment(line, where)
        key = (judgment.query_id, judgment.doc_id)
        if key in judgments:
            raise EvaluationError(f"{where}: {key[1]} is judged twice for {key[0]}", reason="bad_qrels")
        judgments[key] = judgment
    return list(judgments.values())


def write_judgments(path: Path, judgments: Iterable[Judgment]) -> None:
    """Write a qrels file, by query, best grade first."""
    ordered = sorted(judgments, key=lambda each: (each.query_id, -each.grade, each.doc_id))
    lines = (f"{each.query_id} {each.source} {each.doc_id} {each.grade}\n" for each in ordered)
    path.write_text("".join(lines), encoding="utf-8")


def qrels_of(judgments: Iterable[Judgment]) -> Qrels:
    """Judgments by query and document."""
    qrels: dict[str, dict[str, int]] = defaultdict(dict)
    for each in judgments:
        qrels[each.query_id][each.doc_id] = each.grade
    return dict(qrels)


def read_queries(path: Path) -> list[JudgedQuery]:
    """Read queries: one JSON object per line with ``query_id``, ``lang``, ``kind`` and ``q``.

    Raises:
        EvaluationError: No such file (``data_not_found``); a line that is no such object, a name given twice,
            or no line at all (``bad_queries``).
    """
    queries: dict[str, JudgedQuery] = {}
    for where, line in read_lines(path, "bad_queries"):
        query = _query(line, where)
        if query.query_id in queries:
            raise EvaluationError(f"{where}: {query.query_id} is there already", reason="bad_queries")
        queries[query.query_id] = query
    return list(queries.values())


def _judgment(line: str, where: str) -> Judgment:
    columns = line.split()
    if len(columns) != 4:
        raise EvaluationError(
            f"{where}: expected 'query_id source doc_id grade', got {len(columns)} columns",
            reason="bad_qrels",
        )
    query_id, source, doc_id, grade = columns
    if grade not in {str(allowed) for allowed in range(MAX_GRADE + 1)}:
        raise EvaluationError(f"{where}: a grade is 0 to {MAX_GRADE}, got {grade!r}", reason="bad_qrels")
    return Judgment(query_id, source, doc_id, int(grade))


def _query(line: str, where: str) -> JudgedQuery:
    try:
        query = JudgedQuery(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise EvaluationError(
            f"{where}: expected a JSON object with query_id, lang, kind and q ({error})", reason="bad_queries"
        ) from error
    fields = (query.query_id, query.lang, query.kind, query.q)
    if not all(isinstance(value, str) for value in fields) or query.lang not in ("en", "zh"):
        raise EvaluationError(
            f"{where}: expected texts, and 'en' or 'zh' as lang, got {fields}", reason="bad_queries"
        )
    return query
