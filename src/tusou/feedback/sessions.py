"""Which searches belong together: those of one client with less than half an hour between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tusou.feedback.tallies import Ints

GAP = 30 * 60 * 1000
"""Milliseconds without a search after which a new session begins."""


def split_sessions(clients: Sequence[str], timestamps: Ints, gap: int = GAP) -> Ints:
    """Number the sessions.

    Args:
        clients: (n,) pseudonyms; an unknown client (empty) has a session for each search.
        timestamps: (n,) milliseconds, in any order.
        gap: The pause that ends a session.

    Returns:
        (n,) session numbers from 0, by client and time.
    """
    _, codes = np.unique(np.array(clients, dtype=str), return_inverse=True)
    order = np.lexsort((timestamps, codes))
    client, moment = codes[order], timestamps[order]
    unknown = np.array([not name for name in clients], np.bool_)[order]
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (client[1:] != client[:-1]) | (np.diff(moment) > gap) | unknown[1:]
    sessions = np.empty(len(order), np.int64)
    sessions[order] = np.cumsum(starts) - 1
    return sessions
