"""The candidates of judged queries with their features, as a ranker of this library would see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tusou.evaluation.qrels import JudgedQuery, Qrels
from tusou.ranking.learn.cross_validation import QueryCandidates
from tusou.search.engine import SearchEngine
from tusou.types import SearchRequest


def judged_candidates(
    engine: SearchEngine, queries: Sequence[JudgedQuery], qrels: Qrels
) -> Iterator[QueryCandidates]:
    """Recall and measure the candidates of every query that has a relevant image among the judgments.

    Args:
        engine: Open engine; its library holds the judged images.
        queries: Words of the queries.
        qrels: Grades by ``supplier/item_id``.
    """
    for query in queries:
        judged = qrels.get(query.query_id, {})
        if max(judged.values(), default=0) == 0:
            continue
        candidates, table = engine.candidates(SearchRequest(q=query.q))
        records = engine.library.catalog.get_rows(candidates.rows.tolist())
        known = np.array([int(row) in records for row in candidates.rows], bool)
        rows = candidates.rows[known]
        names = [f"{records[int(row)].supplier}/{records[int(row)].item_id}" for row in rows]
        grades = np.array([judged.get(name, -1) for name in names], np.int64)
        yield QueryCandidates(query.query_id, table.of_rows(known), rows, tuple(names), grades)
