"""What is logged: answers people got, and what they did with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

APPLICATION = "tusou"
"""Application id of searches through the HTTP API."""

PAGE = "tusou-page"
"""Application id of searches from the page, which reports what was really seen."""

DAY = 24 * 3600 * 1000
"""Milliseconds of a day."""

IMPRESSION = "impression"

TAKEN = frozenset({"download", "comp_download", "license", "copy_attribution", "purchase"})
"""Actions that take an image: the strongest signal."""

CHOSEN = TAKEN | {"click", "item_click", "click_through", "similar", "collect", "add_to_cart"}
"""Actions that choose an image among those shown. Other actions are kept and count for nothing."""


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """One page of an answer, as it was shown.

    Attributes:
        query_id: Names this answer.
        timestamp: When, milliseconds since 1970, UTC.
        user_query: Words as typed; empty for a picture.
        hits: Ids of the images in shown order.
        client: Pseudonym of who asked, or empty.
        application: Which program asked.
        first_rank: Rank of the first hit in the whole answer, from 1.
        attributes: Filters, language, model and whatever else explains the answer; JSON values.
        explored: Rank to propensity of the images that exploration put there.
        features: What the ranker saw, in a form of its own; None when it is not kept.
    """

    query_id: str
    timestamp: int
    user_query: str
    hits: tuple[str, ...]
    client: str = ""
    application: str = APPLICATION
    first_rank: int = 1
    attributes: Mapping[str, Any] = field(default_factory=dict)
    explored: Mapping[int, float] = field(default_factory=dict)
    features: bytes | None = None


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One thing somebody did with an answer.

    Attributes:
        event_id: Given by who reports it; the same id twice for one query is one event.
        query_id: The answer it belongs to.
        action: What was done; see IMPRESSION, CHOSEN and TAKEN.
        timestamp: When, milliseconds since 1970, UTC.
        object_id: The image; empty for what concerns no image.
        ordinal: Rank in the whole answer, from 1; 0 when unknown.
        row: Row of the grid, from 1; 0 when there was no grid.
        column: Column in the row, from 1.
        columns: Images in that row.
        explore: Exploration put the image there.
        propensity: Chance with which it was put there; None when the order was fixed.
    """

    event_id: str
    query_id: str
    action: str
    timestamp: int
    object_id: str = ""
    ordinal: int = 0
    row: int = 0
    column: int = 0
    columns: int = 0
    explore: bool = False
    propensity: float | None = None


class Verdict(StrEnum):
    """What became of a reported event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UNKNOWN_QUERY = "unknown_query"
    NOT_SHOWN = "not_shown"
    BEFORE_QUERY = "before_query"
    TOO_LATE = "too_late"
    FUTURE = "future"

    @property
    def is_refusal(self) -> bool:
        """The event is not in the log and never will be."""
        return self not in (Verdict.ACCEPTED, Verdict.DUPLICATE)


EXPLANATIONS: Mapping[Verdict, str] = {
    Verdict.ACCEPTED: "written",
    Verdict.DUPLICATE: "an event with this event_id is in the log already",
    Verdict.UNKNOWN_QUERY: "no answer with this query_id is in the log; take it from the search's answer",
    Verdict.NOT_SHOWN: "the answer of this query_id did not show this object_id",
    Verdict.BEFORE_QUERY: "the timestamp lies before the answer's; send the time it happened, in UTC",
    Verdict.TOO_LATE: "the timestamp lies more than a day after the answer's",
    Verdict.FUTURE: "the timestamp lies in the future; send the time it happened, in UTC",
}
