"""Which click model a log speaks for: fitted on its earlier searches, tried on its later ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np

from tusou.feedback.dependent_clicks import DependentClickModel, perplexity
from tusou.feedback.examination import fit_position_model, prior_examination
from tusou.feedback.exporting import is_wanted
from tusou.feedback.records import CHOSEN, LoggedEvent, LoggedQuery
from tusou.feedback.simulate import Clicks
from tusou.feedback.store import EventStore
from tusou.feedback.tallies import Floats, Ints

DEPTH = 20
"""Ranks looked at."""

LATEST = 20_000
"""Searches looked at, the latest."""


def compare_models(store: EventStore, *, applications: Collection[str] | None = None) -> dict[str, float]:
    """Perplexity of each model on the later half of the latest searches; smaller is better.

    ``rate`` knows how often an image is chosen, not where it stood; ``position`` is the position model;
    ``cascade`` the dependent click model. Empty when the log holds too little.

    Args:
        store: The log.
        applications: Searches of these programs; None for all but simulated ones.
    """
    latest: deque[tuple[LoggedQuery, list[LoggedEvent]]] = deque(maxlen=LATEST)
    for query, events in store.searches():
        if query.first_rank == 1 and query.hits and is_wanted(query, applications):
            latest.append((query, events))
    shown, clicks, count = _lists(latest)
    half = len(shown) // 2
    if not clicks[:half].any() or not clicks[half:].any():
        return {}
    earlier, later = (shown[:half], clicks[:half]), (shown[half:], clicks[half:])
    chances = {
        "rate": _rates(*earlier, count)[later[0]],
        "position": _position(*earlier, count, later[0]),
        "cascade": DependentClickModel.fit(*earlier, count).click_chances(later[0]),
    }
    real = later[0] >= 0
    return {name: round(perplexity(each[real], later[1][real]), 4) for name, each in chances.items()}


def _lists(searches: Collection[tuple[LoggedQuery, list[LoggedEvent]]]) -> tuple[Ints, Clicks, int]:
    """Shown lists as numbers of (words, image) pairs, what was chosen in them, and how many pairs there are.

    Where impressions are reported a list ends with the last place that was seen.
    """
    numbers: dict[tuple[str, str], int] = {}
    shown = np.full((len(searches), DEPTH), -1, np.int64)
    clicks = np.zeros(shown.shape, np.bool_)
    for i, (query, events) in enumerate(searches):
        end = max((event.ordinal for event in events), default=DEPTH) if _reports(events) else DEPTH
        for rank, image in enumerate(query.hits[: min(end, DEPTH)]):
            shown[i, rank] = numbers.setdefault((query.user_query, image), len(numbers))
        for event in events:
            if event.action in CHOSEN and 1 <= event.ordinal <= DEPTH:
                clicks[i, event.ordinal - 1] = shown[i, event.ordinal - 1] >= 0
    return shown, clicks, len(numbers)


def _reports(events: list[LoggedEvent]) -> bool:
    return any(event.action not in CHOSEN for event in events)


def _rates(shown: Ints, clicks: Clicks, count: int) -> Floats:
    """(count,) how often each pair is chosen, with the mean as one observation."""
    seen = np.bincount(shown[shown >= 0], minlength=count)
    chosen = np.bincount(shown[clicks], minlength=count)
    mean = (chosen.sum() + 1.0) / (seen.sum() + 2.0)
    return np.asarray((chosen + mean) / (seen + 1.0))


def _position(shown: Ints, clicks: Clicks, count: int, later: Ints) -> Floats:
    """(n, k) chances of clicks on later lists by a position model of earlier ones."""
    ranks = np.broadcast_to(np.arange(DEPTH), shown.shape)
    real = shown >= 0
    cells = np.array([(rank, 1, 1) for rank in range(1, DEPTH + 1)])
    # One empty entry for every pair, so that those only seen later have the mean.
    pair = np.concatenate([shown[real], np.arange(count)])
    cell = np.concatenate([ranks[real], np.zeros(count, np.int64)])
    n = np.concatenate([np.ones(int(real.sum())), np.zeros(count)])
    chosen = np.concatenate([clicks[real], np.zeros(count)]).astype(np.float64)
    examination, attraction = fit_position_model(pair, cell, n, chosen, prior=prior_examination(cells))
    return np.asarray(examination * np.minimum(attraction, 1.0)[later])
