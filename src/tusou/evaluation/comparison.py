"""Two systems or more on the same queries: means with intervals, differences tested query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tusou.errors import EvaluationError
from tusou.evaluation.graded import Measure
from tusou.evaluation.judged_run import JudgedRun, Run, evaluate_run
from tusou.evaluation.qrels import Qrels
from tusou.evaluation.significance import Values, bootstrap_interval, holm, randomization_test


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over queries.

    Attributes:
        value: 0 to 1.
        low: Lower end of its 95 % bootstrap interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One system against the baseline, in one measure.

    Attributes:
        system: Its name.
        measure: The measure's spelling.
        mean: Mean of the differences, and their 95 % bootstrap interval.
        probability: Of the paired randomisation test, Holm-adjusted over all differences of the comparison.
        wins: Queries in which the system is better.
        losses: Queries in which the baseline is.
        ties: The others.
    """

    system: str
    measure: str
    mean: Mean
    probability: float
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        measures: In the order asked for.
        runs: System to its measured run, the baseline first; all over the same queries.
        means: System to the mean of each measure.
        differences: Of every system but the baseline, in every measure.
        left_out: Queries without a relevant document.
    """

    measures: tuple[Measure, ...]
    runs: Mapping[str, JudgedRun]
    means: Mapping[str, tuple[Mean, ...]]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]

    @property
    def baseline(self) -> str:
        """Name of the first system."""
        return next(iter(self.runs))

    @property
    def query_ids(self) -> tuple[str, ...]:
        """Queries that count."""
        return tuple(self.runs[self.baseline].values)

    def values(self, system: str, i: int) -> Values:
        """(queries,) the i-th measure of a system, in the order of ``query_ids``."""
        return _column(self.runs[system], self.query_ids, i)


def compare(runs: Mapping[str, Run], qrels: Qrels, measures: Sequence[Measure]) -> Comparison:
    """Measure systems and test each against the first.

    A query that one of the systems does not hold counts as an empty answer there.

    Args:
        runs: System to its run, the baseline first; at least one.
        qrels: Judgments.
        measures: What to measure; at least one.

    Raises:
        EvaluationError: No system, no measure, no query with a relevant document, or a bad run.
        QrelsRunMismatch: The judgments hold none of the queries.
    """
    if not runs or not measures:
        raise EvaluationError("a comparison needs a run and a measure", reason="no_runs")
    queries = list(dict.fromkeys(query_id for run in runs.values() for query_id in run))
    measured = {
        name: evaluate_run({query_id: run.get(query_id, ()) for query_id in queries}, qrels, measures)
        for name, run in runs.items()
    }
    first = next(iter(measured.values()))
    if not first.values:
        raise EvaluationError(
            f"none of the {len(queries)} queries has a relevant document among the judgments: judge some",
            reason="no_queries",
        )
    ids = tuple(first.values)
    means = {
        name: tuple(_mean(_column(run, ids, i)) for i in range(len(measures)))
        for name, run in measured.items()
    }
    return Comparison(tuple(measures), measured, means, _differences(measured, ids, measures), first.left_out)


def _differences(
    measured: Mapping[str, JudgedRun], ids: Sequence[str], measures: Sequence[Measure]
) -> tuple[Difference, ...]:
    (_, baseline), *others = measured.items()
    pairs = [(name, run, i) for name, run in others for i in range(len(measures))]
    probabilities = holm(
        [randomization_test(_column(run, ids, i), _column(baseline, ids, i)) for _, run, i in pairs]
    )
    found = []
    for (name, run, i), probability in zip(pairs, probabilities, strict=True):
        gains = _column(run, ids, i) - _column(baseline, ids, i)
        wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
        found.append(
            Difference(
                name, str(measures[i]), _mean(gains), probability, wins, losses, len(gains) - wins - losses
            )
        )
    return tuple(found)


def _column(run: JudgedRun, ids: Sequence[str], i: int) -> Values:
    return np.array([run.values[query_id][i] for query_id in ids])


def _mean(values: Values) -> Mean:
    return Mean(float(values.mean()), *bootstrap_interval(values))
