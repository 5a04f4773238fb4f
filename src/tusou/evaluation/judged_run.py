"""A run against judgments: every measure of every query, and means over queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tusou.errors import EvaluationError, QrelsRunMismatch
from tusou.evaluation.graded import Measure
from tusou.evaluation.qrels import Qrels

Run = Mapping[str, Sequence[str]]
"""Query to the documents returned, best first."""


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """What a run is worth.

    Attributes:
        values: Query to the value of each measure, in the order asked for.
        left_out: Queries of the run without a relevant document among the judgments: they say nothing about
            the order of an answer and are in no mean.
    """

    values: Mapping[str, tuple[float, ...]]
    left_out: tuple[str, ...]

    def means(self, query_ids: Collection[str]) -> tuple[float, ...]:
        """Mean of each measure over those of the queries that were not left out.

        Raises:
            EvaluationError: All of them were.
        """
        rows = [self.values[query_id] for query_id in query_ids if query_id in self.values]
        if not rows:
            raise EvaluationError(
                "no query with a relevant document to take a mean over", reason="no_queries"
            )
        return tuple(np.mean(rows, axis=0).tolist())


def evaluate_run(run: Run, qrels: Qrels, measures: Sequence[Measure]) -> JudgedRun:
    """Measure every query of a run.

    Args:
        run: An empty list counts as an answer that found nothing.
        qrels: Judgments; queries the run does not hold are not looked at.
        measures: What to measure.

    Raises:
        QrelsRunMismatch: The judgments hold none of the run's queries.
        EvaluationError: The run returns a document twice (``bad_run``).
    """
    if not run.keys() & qrels.keys():
        raise QrelsRunMismatch(
            f"the judgments hold none of the {len(run)} queries; queries and qrels must belong together"
        )
    values, left_out = {}, []
    for query_id, ranking in run.items():
        _check(query_id, ranking)
        judged = qrels.get(query_id, {})
        if max(judged.values(), default=0) > 0:
            values[query_id] = tuple(measure.of(ranking, judged) for measure in measures)
        else:
            left_out.append(query_id)
    return JudgedRun(values, tuple(left_out))


def _check(query_id: str, ranking: Sequence[str]) -> None:
    doc_id, count = (Counter(ranking).most_common(1) or [("", 0)])[0]
    if count > 1:
        raise EvaluationError(f"the answer to {query_id} holds {doc_id} {count} times", reason="bad_run")
