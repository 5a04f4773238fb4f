"""Other orders than relevance: relevance decides who is in the answer, the sort decides the order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tusou.feedback.attraction import popularity
from tusou.feedback.counts import BehaviorCounts, BehaviorSource
from tusou.index.base import Index
from tusou.ranking.features import MEAN_ATTRACTION
from tusou.search.answer import NEAR_SHARE, Answer
from tusou.types import Rows, Sort

Keys = npt.NDArray[np.floating] | npt.NDArray[np.int64]


def sorted_answer(answer: Answer, sort: Sort, index: Index, behavior: BehaviorSource | None) -> Answer:
    """The relevant set in another order; where it is unknown or empty, what is near the best (NEAR_SHARE).

    Equal ones stay as they stood. Without an event log everything is equally popular and undiscovered.
    """
    if answer.relevant:
        places = np.arange(answer.relevant)
    else:
        places = np.flatnonzero(answer.scores >= NEAR_SHARE * answer.scores.max(initial=0.0))
    keys = _KEYS[sort](answer.rows[places], index, behavior)
    return answer.only(places[np.argsort(keys, kind="stable")], answer.relevant)


def _by_arrival(rows: Rows, _index: Index, _behavior: BehaviorSource | None) -> Keys:
    return -rows


def _by_popularity(rows: Rows, index: Index, behavior: BehaviorSource | None) -> Keys:
    seen = _counts(behavior, rows)
    chosen = seen.clicks + seen.downloads
    return -popularity(chosen, seen.examinations, index.suppliers(rows), MEAN_ATTRACTION)


def _by_attention(rows: Rows, _index: Index, behavior: BehaviorSource | None) -> Keys:
    return _counts(behavior, rows).examinations


def _counts(behavior: BehaviorSource | None, rows: Rows) -> BehaviorCounts:
    return BehaviorCounts.none(len(rows)) if behavior is None else behavior.of_images(rows)


_KEYS: Mapping[Sort, Callable[[Rows, Index, BehaviorSource | None], Keys]] = {
    "newest": _by_arrival,
    "popular": _by_popularity,
    "undiscovered": _by_attention,
}
"""Sort to what is ordered upwards."""
