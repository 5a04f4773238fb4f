"""Measures over graded judgments, each a value: ``parse_measure("nDCG@10")``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tusou.errors import EvaluationError
from tusou.evaluation.ndcg import Grades, ndcg

_PATTERN = re.compile(r"([A-Za-z]+)(?:\(rel=([1-9]\d*)\))?(?:@([1-9]\d*))?")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure with its parameters; ``str`` gives its one spelling.

    Attributes:
        name: ``nDCG``, ``AP``, ``P``, ``Recall``, ``RR``, ``Success`` or ``Judged``.
        cutoff: Ranks looked at; None for all (AP and RR only).
        min_grade: Grade from which a document counts as relevant; nDCG and Judged do not ask.
    """

    name: str
    cutoff: int | None
    min_grade: int = 1

    def __str__(self) -> str:
        grade = f"(rel={self.min_grade})" if self.min_grade > 1 else ""
        return f"{self.name}{grade}" + (f"@{self.cutoff}" if self.cutoff else "")

    def of(self, ranking: Sequence[str], judged: Mapping[str, int]) -> float:
        """Measure one ranking.

        Args:
            ranking: Documents returned, best first, none twice.
            judged: Grades of the query's judged documents, at least one above 0.

        Returns:
            0 to 1, higher is better.
        """
        ranked = np.array([judged.get(doc_id, -1) for doc_id in ranking[: self.cutoff]], np.int64)
        return _MEASURES[self.name](self, ranked, np.array([*judged.values()], np.int64))


def parse_measure(text: str) -> Measure:
    """Read a measure such as ``nDCG@10``, ``AP``, ``P(rel=2)@5``, ``Recall@1000``, ``RR`` or ``Judged@10``.

    Raises:
        EvaluationError: There is no such measure (``unknown_measure``).
    """
    match = _PATTERN.fullmatch(text)
    name, grade, cutoff = match.groups() if match else ("", None, None)
    open_end = cutoff is None and name not in _WITHOUT_CUTOFF
    if name not in _MEASURES or open_end or (grade and name in _WITHOUT_GRADE):
        raise EvaluationError(
            f"no measure {text!r}; write one of {', '.join(_MEASURES)} with a cut-off, as in nDCG@10 "
            f"({' and '.join(_WITHOUT_CUTOFF)} also without), and for all but {' and '.join(_WITHOUT_GRADE)} "
            "the lowest grade that counts, as in P(rel=2)@5",
            reason="unknown_measure",
        )
    return Measure(name, int(cutoff) if cutoff else None, int(grade or 1))


def _ndcg(measure: Measure, ranked: Grades, judged: Grades) -> float:
    return ndcg(ranked, judged, measure.cutoff or len(ranked))


def _precision(measure: Measure, ranked: Grades, _judged: Grades) -> float:
    """Relevant documents among the first k, over k: a short answer is no excuse."""
    return float((ranked >= measure.min_grade).sum() / (measure.cutoff or len(ranked)))


def _recall(measure: Measure, ranked: Grades, judged: Grades) -> float:
    """Relevant documents among the first k, over all that are known; 0 when none reaches the grade."""
    return float((ranked >= measure.min_grade).sum() / _known(measure, judged))


def _average_precision(measure: Measure, ranked: Grades, judged: Grades) -> float:
    """Mean precision at the ranks of all relevant documents; 0 for those not returned."""
    relevant = ranked >= measure.min_grade
    precisions = np.cumsum(relevant) / np.arange(1, len(ranked) + 1)
    return float(precisions[relevant].sum() / _known(measure, judged))


def _known(measure: Measure, judged: Grades) -> int:
    return max(1, int((judged >= measure.min_grade).sum()))


def _reciprocal_rank(measure: Measure, ranked: Grades, _judged: Grades) -> float:
    relevant = np.flatnonzero(ranked >= measure.min_grade)
    return 1 / (1 + int(relevant[0])) if len(relevant) else 0.0


def _success(measure: Measure, ranked: Grades, _judged: Grades) -> float:
    return float((ranked >= measure.min_grade).any())


def _judged(_measure: Measure, ranked: Grades, _all: Grades) -> float:
    """Judged documents among those returned; 1 when nothing was, for then nobody could have judged."""
    return float((ranked >= 0).mean()) if len(ranked) else 1.0


_MEASURES: Mapping[str, Callable[[Measure, Grades, Grades], float]] = {
    "nDCG": _ndcg,
    "AP": _average_precision,
    "P": _precision,
    "Recall": _recall,
    "RR": _reciprocal_rank,
    "Success": _success,
    "Judged": _judged,
}
_WITHOUT_GRADE = ("nDCG", "Judged")
_WITHOUT_CUTOFF = ("AP", "RR")
