"""What to judge next: images of a query's answers that nobody graded, shuffled so that no rank shows."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass

from tusou.search.engine import SearchEngine
from tusou.search.recalled import recalled
from tusou.types import ImageRecord, SearchRequest

POOL = 20
"""Images of the answer that are pooled; of each recall alone, half as many."""

TOP = 10
"""Images of an answer whose judgment counts first: measures look at so many."""

Opinions = Mapping[str, Mapping[str, int]]
"""Image to judge to grade, under one query."""


@dataclass(frozen=True, slots=True)
class Need:
    """How much a query's judgments lack.

    Attributes:
        q: Its words.
        unjudged: Images among the first TOP that nobody graded.
        shown: Images among the first TOP.
        asked: How often people searched for it.
        judges: Judge to the number of images graded.
    """

    q: str
    unjudged: int
    shown: int
    asked: int
    judges: Mapping[str, int]

    @property
    def urgency(self) -> float:
        """Searches whose answer nobody can vouch for; a query that was never logged counts as asked once."""
        return max(self.asked, 1) * self.unjudged / max(self.shown, 1)


def next_images(
    engine: SearchEngine, q: str, judge: str, opinions: Opinions, count: int
) -> list[ImageRecord]:
    """Images this judge should grade next under a query.

    The pool is the answer and each recall's own best, so that not only what ranks well is judged (pooling,
    Spärck Jones and van Rijsbergen 1975). First come images among the TOP that nobody graded, then those
    others disagree on by two grades or more, then the rest; what is chosen is shuffled, the same way for the
    same judge.

    Args:
        engine: Open engine.
        q: Words of the query.
        judge: Who judges; images this judge graded are left out.
        opinions: All judges' grades under the query.
        count: Most images wanted.

    Raises:
        QueryError: The query cannot be understood.
    """
    answer = engine.search(SearchRequest(q=q, limit=POOL)).hits
    top = {hit.image.image_id for hit in answer[:TOP]}
    pool = {hit.image.image_id: hit.image for hit in answer} | _recalled(engine, q)
    waiting = [record for image_id, record in pool.items() if judge not in opinions.get(image_id, {})]

    def urgency(record: ImageRecord) -> int:
        grades = list(opinions.get(record.image_id, {}).values())
        if not grades:
            return 0 if record.image_id in top else 2
        return 1 if max(grades) - min(grades) >= 2 else 3

    chosen = sorted(waiting, key=urgency)[:count]
    digest = hashlib.blake2b(f"{judge}|{q}".encode(), digest_size=8).digest()
    random.Random(digest).shuffle(chosen)  # noqa: S311 - an order nobody can read a rank from, not a secret
    return chosen


def needs(
    engine: SearchEngine,
    queries: Mapping[str, Mapping[str, int]],
    asked: Mapping[str, int],
    opinions_of: Mapping[str, Opinions],
) -> list[Need]:
    """Queries, those first whose judgment would help most people.

    Args:
        engine: Open engine.
        queries: Words of queries somebody judged, and how many images each judge graded.
        asked: Words people searched for, and how often.
        opinions_of: Every query's opinions, by words.
    """
    found = []
    for q in dict.fromkeys((*queries, *asked)):
        top = [hit.image.image_id for hit in engine.search(SearchRequest(q=q, limit=TOP)).hits]
        graded = opinions_of.get(q, {})
        unjudged = sum(image_id not in graded for image_id in top)
        found.append(Need(q, unjudged, len(top), asked.get(q, 0), queries.get(q, {})))
    return sorted(found, key=lambda need: -need.urgency)


def _recalled(engine: SearchEngine, q: str) -> dict[str, ImageRecord]:
    """The best of each recall alone."""
    lists = recalled(engine.index, engine.encoder, engine.analyzer, q, POOL // 2).values()
    records = engine.library.catalog.get_rows([row for rows in lists for row in rows])
    return {record.image_id: record for record in records.values()}
