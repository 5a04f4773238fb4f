"""What a log holds, in figures."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from tusou.feedback.examination import Examination
from tusou.feedback.exporting import is_wanted
from tusou.feedback.model_comparison import compare_models
from tusou.feedback.sessions import split_sessions
from tusou.feedback.store import EventStore
from tusou.feedback.swaps import SwapCounts
from tusou.feedback.tallies import Tallies
from tusou.feedback.ubi import iso_time

TOP = 10


def describe(store: EventStore, *, applications: Collection[str] | None = None) -> dict[str, Any]:
    """Figures of a log: JSON values.

    Args:
        store: The log.
        applications: Searches of these programs; None for all but simulated ones. ``applications`` in the
            answer counts all programs.
    """
    clients: list[str] = []
    times: list[int] = []
    explored = 0
    for _, query in store.queries():
        if is_wanted(query, applications):
            clients.append(query.client)
            times.append(query.timestamp)
            explored += bool(query.explored)
    tallies = Tallies.read(store, applications=applications)
    sessions = split_sessions(clients, np.array(times, np.int64))
    return {
        "searches": len(times),
        "first": iso_time(min(times)) if times else None,
        "last": iso_time(max(times)) if times else None,
        "sessions": int(sessions.max(initial=-1)) + 1,
        "explored": explored,
        "applications": dict(
            store.select("SELECT application, count(*) FROM queries GROUP BY application ORDER BY 2 DESC")
        ),
        "events": dict(store.select("SELECT action, count(*) FROM events GROUP BY action ORDER BY 2 DESC")),
        "impressions": int(tallies.impressions.sum()),
        "clicks": int(tallies.clicks.sum()),
        "downloads": int(tallies.downloads.sum()),
        "pairs": len(tallies.pairs()[1]),
        "top_queries": _top_queries(tallies),
        "rows": _rows(tallies),
        "swaps": _swaps(store),
        "perplexity": compare_models(store, applications=applications),
    }


def _top_queries(tallies: Tallies) -> list[dict[str, Any]]:
    """Words with most images seen."""
    seen = np.bincount(tallies.text, tallies.impressions, len(tallies.texts))
    clicks = np.bincount(tallies.text, tallies.clicks, len(tallies.texts))
    order = np.argsort(-seen, kind="stable")[:TOP]
    return [{"q": tallies.texts[i], "impressions": int(seen[i]), "clicks": int(clicks[i])} for i in order]


def _rows(tallies: Tallies) -> list[dict[str, Any]]:
    """Row of the page to its raw rate of clicks and its estimated chance of examination."""
    row = tallies.cells[tallies.cell, 0]
    examined = tallies.impressions * Examination.estimate(tallies).of(tallies.cells)[tallies.cell]
    listed = []
    for number in np.unique(row)[:TOP].tolist():
        here = row == number
        seen = tallies.impressions[here].sum()
        listed.append(
            {
                "row": number,
                "impressions": int(seen),
                "click_rate": round(float(tallies.clicks[here].sum() / seen), 4),
                "examination": round(float(examined[here].sum() / seen), 4),
            }
        )
    return listed


def _swaps(store: EventStore) -> list[dict[str, Any]]:
    """Cells that were swapped, with the chance of examination that swaps alone give."""
    counts = SwapCounts.read(store)
    seen = np.bincount(counts.pairs.ravel(), counts.impressions.ravel(), len(counts.cells))
    chances = counts.examination()
    return [
        {
            "cell": counts.cells[i].tolist(),
            "impressions": int(seen[i]),
            "examination": None if np.isnan(chances[i]) else round(float(chances[i]), 4),
        }
        for i in np.argsort(-seen, kind="stable")[:TOP]
    ]
