"""Our measures against trec_eval's own code, on the demo judgments in random order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tusou.evaluation.graded import parse_measure
from tusou.evaluation.qrels import qrels_of, read_judgments

NAMES = {
    "nDCG@5": "ndcg_cut_5",
    "nDCG@10": "ndcg_cut_10",
    "P@10": "P_10",
    "RR@1000": "recip_rank",
    "Success@10": "success_10",
    "AP": "map",
    "AP@20": "map_cut_20",
    "Recall@20": "recall_20",
    "RR": "recip_rank",
}
"""Our spelling to trec_eval's."""


def test_equals_trec_eval() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="optional: pip install pytrec-eval-terrier")
    judged = qrels_of(read_judgments(Path(__file__).parents[2] / "demo" / "judgments.qrels"))
    qrels = {query_id: grades for query_id, grades in judged.items() if max(grades.values()) > 0}
    rng = np.random.default_rng(0)
    run = {query_id: rng.permutation([*grades, "zoo/unjudged"]) for query_id, grades in qrels.items()}
    scores = {
        query_id: {str(doc_id): -float(rank) for rank, doc_id in enumerate(ranking)}
        for query_id, ranking in run.items()
    }
    # trec_eval's gain is the grade itself, so it is given ours
    gains = {q: {doc_id: 2**grade - 1 for doc_id, grade in grades.items()} for q, grades in qrels.items()}
    measures = {"ndcg_cut.5,10", "P.10", "recip_rank", "success.10", "map", "map_cut.20", "recall.20"}
    expected = pytrec_eval.RelevanceEvaluator(gains, measures).evaluate(scores)
    for query_id, ranking in run.items():
        for ours, theirs in NAMES.items():
            value = parse_measure(ours).of(ranking.tolist(), qrels[query_id])
            assert value == pytest.approx(expected[query_id][theirs], abs=1e-12), (query_id, ours)
