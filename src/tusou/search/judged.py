"""The candidates of judged queries with their features, as rankers and cut-offs of this library see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tusou.catalog.records import image_id_of
from tusou.evaluation.qrels import JudgedQuery, Qrels
from tusou.ranking.bank import ImageBank
from tusou.ranking.cutoff import INPUTS
from tusou.ranking.features import FeatureTable
from tusou.ranking.learn.cross_validation import QueryCandidates
from tusou.ranking.learn.cutoff import CutoffQuery
from tusou.ranking.learn.data import Features
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


def judged_cutoff_queries(
    engine: SearchEngine, queries: Sequence[JudgedQuery], qrels: Qrels, bank: ImageBank
) -> Iterator[CutoffQuery]:
    """What a cut-off sees of every judged query, with and without the query's relevant images in the library.

    Args:
        engine: Open engine; its library holds the judged images.
        queries: Words of the queries; those without any judgment are left out.
        qrels: Grades by ``supplier/item_id``; grade 1 and more is relevant.
        bank: What cosines are standardised over.
    """
    ids = {doc_id: image_id_of(*doc_id.partition("/")[::2]) for judged in qrels.values() for doc_id in judged}
    records = engine.library.catalog.get_many(list(ids.values()))
    for query in queries:
        judged = qrels.get(query.query_id, {})
        if not judged:
            continue
        good = [records.get(ids[doc_id]) for doc_id, grade in judged.items() if grade >= 1]
        rows = np.array([record.row for record in good if record is not None], np.int64)
        request = SearchRequest(q=query.q)
        candidates, table = engine.candidates(request, bank=bank)
        _, table_without = engine.candidates(request, bank=bank, without=rows)
        relevant = np.isin(candidates.rows, rows)
        yield CutoffQuery(query.query_id, _inputs(table), relevant, _inputs(table_without))


def _inputs(table: FeatureTable) -> Features:
    return table.columns(INPUTS).astype(np.float64)
