"""What people looked for and what came of it, over some days: the figures of a dashboard."""

# ruff: noqa: S608 - statements are put together from constants of this file

from __future__ import annotations

from dataclasses import dataclass

from tusou.feedback.records import CHOSEN, IMPRESSION, TAKEN
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import COMMON, EventStore

DAY_MS = 86_400_000
DEEPEST = 40
"""Places of an answer whose clicks are told one by one."""

TOP = 20


@dataclass(frozen=True, slots=True)
class Day:
    """One day, UTC.

    Attributes:
        day: Days since 1970.
        searches: Answers to words, first pages alone.
        nothing: Those that found no image.
        weak: Those in which nothing matched well, though something was near.
        clicks: Images opened.
        downloads: Images taken.
    """

    day: int
    searches: int
    nothing: int
    weak: int
    clicks: int
    downloads: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A query people asked at least COMMON times; fewer are nobody else's business.

    Attributes:
        q: As typed first.
        searches: Times asked.
        nothing: Times that found no image.
        weak: Times nothing matched well.
        clicked: Times an image was opened or taken.
        downloads: Images taken.
    """

    q: str
    searches: int
    nothing: int
    weak: int
    clicked: int
    downloads: int


@dataclass(frozen=True, slots=True)
class Seen:
    """An image, or a place of the page.

    Attributes:
        key: Image id, or rank.
        impressions: Times seen.
        clicks: Times opened.
        downloads: Times taken.
    """

    key: str
    impressions: int
    clicks: int
    downloads: int


def _one_of(actions: tuple[str, ...] | frozenset[str]) -> str:
    return "(" + ", ".join(f"'{action}'" for action in sorted(actions)) + ")"


_CHOSEN, _TAKEN = _one_of(frozenset(CHOSEN)), _one_of(frozenset(TAKEN))
_FIRST = f"timestamp >= ? AND spelling <> '' AND first_rank = 1 AND application <> '{SIMULATION}'"
_NOTHING = "json_extract(attributes, '$.total') = 0"
_WEAK = "json_extract(attributes, '$.relevant') = 0 AND json_extract(attributes, '$.total') > 0"


def by_day(store: EventStore, since: int) -> list[Day]:
    """Activity per day, oldest first; days without any are left out.

    Args:
        store: The log.
        since: Milliseconds since 1970.
    """
    searches = store.select(
        f"SELECT timestamp / {DAY_MS}, count(*), coalesce(sum({_NOTHING}), 0), coalesce(sum({_WEAK}), 0) "
        f"FROM queries WHERE {_FIRST} GROUP BY 1",
        (since,),
    )
    events = store.select(
        f"SELECT e.timestamp / {DAY_MS}, sum(action IN {_CHOSEN} AND action NOT IN {_TAKEN}), "
        f"sum(action IN {_TAKEN}) FROM queries q JOIN events e ON e.query = q.number "
        f"WHERE e.timestamp >= ? AND q.application <> '{SIMULATION}' GROUP BY 1",
        (since,),
    )
    asked = {day: rest for day, *rest in searches}
    done = {day: rest for day, *rest in events}
    return [
        Day(day, *asked.get(day, (0, 0, 0)), *(int(count or 0) for count in done.get(day, (0, 0))))
        for day in sorted({*asked, *done})
    ]


def by_query(store: EventStore, since: int, count: int = 200) -> list[Asked]:
    """The most frequent queries, with what came of them; page by page of one answer counts once."""
    found = store.select(
        f"""
        WITH done AS (
            SELECT query, max(action IN {_CHOSEN}) AS chosen, sum(action IN {_TAKEN}) AS taken
            FROM events GROUP BY query
        )
        SELECT min(user_query), count(*), coalesce(sum({_NOTHING}), 0), coalesce(sum({_WEAK}), 0),
            coalesce(sum(chosen), 0), coalesce(sum(taken), 0)
        FROM queries LEFT JOIN done ON done.query = number
        WHERE {_FIRST} GROUP BY spelling HAVING count(*) >= ? ORDER BY 2 DESC, spelling LIMIT ?
        """,
        (since, COMMON, count),
    )
    return [Asked(*row) for row in found]


def by_image(store: EventStore, since: int, count: int = 10_000) -> list[Seen]:
    """Images by downloads, then by clicks."""
    return _seen(store, since, "object_id", "object_id <> ''", "4 DESC, 3 DESC, 1", count)


def by_place(store: EventStore, since: int) -> list[Seen]:
    """Places of the answer, the first ones, with how often they were seen and clicked."""
    return _seen(store, since, "ordinal", f"ordinal BETWEEN 1 AND {DEEPEST}", "1", DEEPEST)


def _seen(store: EventStore, since: int, key: str, where: str, order: str, count: int) -> list[Seen]:
    found = store.select(
        f"SELECT {key}, sum(action = '{IMPRESSION}'), sum(action IN {_CHOSEN} AND action NOT IN {_TAKEN}), "
        f"sum(action IN {_TAKEN}) FROM events JOIN queries ON number = query "
        f"WHERE events.timestamp >= ? AND application <> '{SIMULATION}' AND {where} "
        f"GROUP BY 1 ORDER BY {order} LIMIT ?",
        (since, count),
    )
    return [Seen(str(row[0]), *(int(value or 0) for value in row[1:])) for row in found]
