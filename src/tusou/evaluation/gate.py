"""A quality gate: has a system fallen behind its baseline by more than noise?"""

from __future__ import annotations

from dataclasses import dataclass

from tusou.errors import EvaluationError
from tusou.evaluation.comparison import Comparison
from tusou.evaluation.significance import holm, randomization_test


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one measure.

    Attributes:
        measure: Its spelling.
        drop: Mean of the baseline minus that of the system; negative when it gained.
        probability: Of such a drop by chance, one-sided, Holm-adjusted over the measures.
        ok: Whether the gate lets it pass.
    """

    measure: str
    drop: float
    probability: float
    ok: bool


def check_gate(comparison: Comparison, *, alpha: float, allowed: float) -> tuple[Verdict, ...]:
    """Judge the second system of a comparison against the first.

    A measure fails when its mean drops by more than ``allowed`` *and* the paired randomisation test finds the
    drop at ``alpha``: a small sure drop is put up with, a large unsure one is noise.

    Args:
        comparison: Of two systems.
        alpha: Chance of failing although nothing changed, 0 to 1.
        allowed: Drop that is put up with, 0 to 1.

    Raises:
        EvaluationError: There are not two systems.
    """
    if len(comparison.runs) != 2:
        raise EvaluationError("a gate compares one run with one baseline", reason="no_runs")
    baseline, system = comparison.runs
    numbers = range(len(comparison.measures))
    pairs = [(comparison.values(system, i), comparison.values(baseline, i)) for i in numbers]
    probabilities = holm([randomization_test(*pair, alternative="less") for pair in pairs])
    drops = [float((before - after).mean()) for after, before in pairs]
    return tuple(
        Verdict(str(measure), drop, probability, not (drop > allowed and probability <= alpha))
        for measure, drop, probability in zip(comparison.measures, drops, probabilities, strict=True)
    )
