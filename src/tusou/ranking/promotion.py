"""May a ranker replace the live one? Sane, as fast, and better on queries it was not trained on."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from tusou.errors import RankerError
from tusou.evaluation.significance import randomization_test
from tusou.ranking.base import Ranker
from tusou.ranking.features import FEATURES, FeatureTable
from tusou.ranking.files import HeldOut

CANDIDATES = 1000
BUDGET_MS = 10.0
"""Ranking 1,000 candidates may take this long, or as long as the live ranker when that takes longer."""

_ROUNDS = 5
_WIDEST = 10.0


def check_promotion(
    ranker: Ranker, live_ranker: Ranker, held_out: HeldOut | None, *, live: str, alpha: float
) -> None:
    """Let a ranker pass or say why not.

    Args:
        ranker: The one to promote.
        live_ranker: The one that answers now.
        held_out: How both did on held-out queries.
        live: Name of the live ranker.
        alpha: Largest probability of the paired randomisation test.

    Raises:
        RankerError: ``not_promoted``, with the reason.
    """
    table = random_table()
    check_sane(ranker, table)
    spent, allowed = _milliseconds(ranker, table), max(BUDGET_MS, _milliseconds(live_ranker, table))
    if spent > allowed:
        raise _refusal(f"it takes {spent:.1f} ms for {CANDIDATES} candidates, allowed are {allowed:.1f} ms")
    if held_out is None:
        raise _refusal("nothing is known of how it does on held-out queries: train it on judged queries")
    if held_out.baseline != live:
        raise _refusal(f"it was compared with {held_out.baseline}, and {live} is live now: train it again")
    after, before = np.array(held_out.ranker), np.array(held_out.before)
    gain = float((after - before).mean())
    probability = randomization_test(before, after, alternative="less")
    if gain <= 0 or probability > alpha:
        raise _refusal(
            f"on {len(after)} held-out queries {held_out.measure} changes by {gain:+.4f} "
            f"(p = {probability:.3f}, at most {alpha} is wanted): judge more queries, or keep the live one"
        )


def check_sane(ranker: Ranker, table: FeatureTable) -> None:
    """Refuse scores that are not numbers or all alike.

    Raises:
        RankerError: ``not_promoted``.
    """
    values = ranker.rank(table).values
    if not np.isfinite(values).all():
        raise _refusal("some of its scores are no finite numbers")
    if float(np.ptp(values)) == 0:
        raise _refusal("it gives every candidate the same score")


def random_table(rows: int = CANDIDATES, seed: int = 0) -> FeatureTable:
    """Features all over their ranges, a tenth of those that may be unknown so."""
    rng = np.random.default_rng(seed)
    low = np.maximum([spec.low for spec in FEATURES], -_WIDEST)
    high = np.minimum([spec.high for spec in FEATURES], _WIDEST)
    values = rng.uniform(low, high, (rows, len(FEATURES)))
    may_be_unknown = np.isnan([spec.missing for spec in FEATURES])
    values[(rng.random(values.shape) < 0.1) & may_be_unknown] = np.nan
    return FeatureTable(values.astype(np.float32))


def _milliseconds(ranker: Ranker, table: FeatureTable) -> float:
    spent = []
    for _ in range(_ROUNDS):
        started = perf_counter()
        ranker.rank(table)
        spent.append(perf_counter() - started)
    return 1e3 * min(spent)


def _refusal(why: str) -> RankerError:
    return RankerError(f"not promoted, the live ranker stays: {why}", reason="not_promoted")
