"""A log of simulated people, marked so that nothing counts it unless it is asked for by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tusou.feedback.records import LoggedEvent, LoggedQuery
from tusou.feedback.simulate import SIMULATION, Grades, Simulator, zipf_queries

CHUNK = 10_000  # sessions simulated at a time


def simulated_log(
    texts: Sequence[str],
    hits: Sequence[tuple[str, ...]],
    grades: Grades,
    simulator: Simulator,
    *,
    sessions: int,
    seed: int,
    start: int,
) -> Iterator[tuple[LoggedQuery, list[LoggedEvent]]]:
    """Let people ask, look and click; the same arguments give the same log.

    One session is one query. Clicks are the only events: a program that reports no impressions has shown
    everything.

    Args:
        texts: (q,) words of each query; the first are asked most (Zipf).
        hits: (q,) ids of the images each query shows, in order.
        grades: (q, k) their true grades, -1 behind the end of a shorter list.
        simulator: Who clicks; one of SIMULATORS.
        sessions: How many.
        seed: Of all chance.
        start: Time of the first, milliseconds since 1970; one a second follows.
    """
    rng = np.random.default_rng(seed)
    asked = zipf_queries(len(texts), sessions, rng)
    for first in range(0, sessions, CHUNK):
        queries = asked[first : first + CHUNK]
        clicks = simulator(grades[queries], rng)
        for i, query in enumerate(queries.tolist()):
            session = first + i
            logged = LoggedQuery(
                query_id=f"simulation-{seed}-{session}",
                timestamp=start + 1000 * session,
                user_query=texts[query],
                hits=hits[query],
                application=SIMULATION,
            )
            ranks = np.flatnonzero(clicks[i]) + 1
            yield logged, [_click(logged, int(rank)) for rank in ranks]


def _click(query: LoggedQuery, rank: int) -> LoggedEvent:
    return LoggedEvent(
        event_id=f"{query.query_id}-{rank}",
        query_id=query.query_id,
        action="click",
        timestamp=query.timestamp + 100 * rank,
        object_id=query.hits[rank - 1],
        ordinal=rank,
    )
