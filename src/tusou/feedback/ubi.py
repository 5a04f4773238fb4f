"""User Behavior Insights 1.3 on the wire: rows of ``ubi_queries`` and ``ubi_events``, read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from tusou.errors import FeedbackError
from tusou.feedback.records import LoggedEvent, LoggedQuery

QUERIES, EVENTS = "ubi_queries", "ubi_events"

IMPORTED = "imported"
"""Application id of rows that name none."""

_FIRST_RANK, _EXPLORED = "first_rank", "explored"

Row = dict[str, Any]


def is_event(row: Mapping[str, Any]) -> bool:
    """Whether a row is an event; otherwise it is a query."""
    return "action_name" in row


def query_row(query: LoggedQuery) -> Row:
    """A query as a row of ``ubi_queries``; the ranker's features are no part of UBI."""
    extra: Row = {_FIRST_RANK: query.first_rank}
    if query.explored:
        extra[_EXPLORED] = {str(rank): propensity for rank, propensity in query.explored.items()}
    return {
        "application": query.application,
        "query_id": query.query_id,
        "client_id": query.client,
        "user_query": query.user_query,
        "timestamp": iso_time(query.timestamp),
        "object_id_field": "id",
        "query_response_id": query.query_id,
        "query_response_hit_ids": list(query.hits),
        "query_attributes": {**query.attributes, **extra},
    }


def event_row(event: LoggedEvent, query: LoggedQuery | None = None) -> Row:
    """An event as a row of ``ubi_events``, with application and client of its query."""
    position = {"ordinal": event.ordinal, "row": event.row, "column": event.column, "columns": event.columns}
    attributes: Row = {"position": {name: value for name, value in position.items() if value}}
    if event.object_id:
        attributes["object"] = {"object_id": event.object_id, "object_id_field": "id"}
    if event.explore:
        attributes |= {"explore": True, "propensity": event.propensity}
    return {
        "application": query.application if query else "",
        "action_name": event.action,
        "event_id": event.event_id,
        "query_id": event.query_id,
        "client_id": query.client if query else "",
        "timestamp": iso_time(event.timestamp),
        "event_attributes": attributes,
    }


def query_of(row: Row) -> LoggedQuery:
    """Read a row of ``ubi_queries``.

    Raises:
        FeedbackError: It is none (``bad_row``); the message names the field.
    """
    attributes = _object(row, "query_attributes")
    first_rank = attributes.pop(_FIRST_RANK, 1)
    explored = attributes.pop(_EXPLORED, {})
    return LoggedQuery(
        query_id=_text(row, "query_id"),
        timestamp=_time(row),
        user_query=_text(row, "user_query", needed=False),
        hits=_hits(row.get("query_response_hit_ids")),
        client=_text(row, "client_id", needed=False),
        application=_text(row, "application", needed=False) or IMPORTED,
        first_rank=_count("query_attributes.first_rank", first_rank) or 1,
        attributes=attributes,
        explored=_propensities(explored),
    )


def event_of(row: Row) -> LoggedEvent:
    """Read a row of ``ubi_events``. One without an ``event_id`` gets one made of what it says.

    Raises:
        FeedbackError: It is none (``bad_row``); the message names the field.
    """
    attributes = _object(row, "event_attributes")
    position = _object(attributes, "position")
    target = _object(attributes, "object")
    object_id = _text(target, "object_id", needed=False)
    fields: dict[str, Any] = {
        "query_id": _text(row, "query_id"),
        "action": _text(row, "action_name"),
        "timestamp": _time(row),
        "object_id": object_id,
        "ordinal": _count("position.ordinal", position.get("ordinal")),
        "row": _count("position.row", position.get("row")),
        "column": _count("position.column", position.get("column")),
        "columns": _count("position.columns", position.get("columns")),
    }
    event_id = _text(row, "event_id", needed=False) or _made_id(fields)
    propensity = attributes.get("propensity")
    return LoggedEvent(
        event_id=event_id,
        explore=attributes.get("explore") in (True, "true"),
        propensity=None if propensity is None else _propensity(propensity),
        **fields,
    )


def iso_time(milliseconds: int) -> str:
    """Milliseconds since 1970 as UBI writes a time."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unflattened(row: Mapping[str, str]) -> Row:
    """A row of a CSV file: ``a.b.c`` columns become objects; empty cells are left out."""
    nested: Row = {}
    for name, value in row.items():
        if not value:
            continue
        *parents, leaf = name.split(".")
        target = nested
        for parent in parents:
            inner = target.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise _bad(f"column {name!r} contradicts column {parent!r}")
            target = inner
        target[leaf] = value
    return nested


def _bad(message: str) -> FeedbackError:
    return FeedbackError(message, reason="bad_row")


def _text(row: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    value = row.get(name)
    if value is None or value == "":
        if needed:
            raise _bad(f"{name} is missing")
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _bad(f"{name} must be a text, got {value!r:.60}")
    return str(value)


def _object(row: Mapping[str, Any], name: str) -> Row:
    """An object, perhaps written as JSON text; empty when it is left out."""
    value = row.get(name)
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise _bad(f"{name} must be a JSON object, got {value!r:.60}") from None
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise _bad(f"{name} must be an object, got {value!r:.60}")
    return dict(value)


def _time(row: Mapping[str, Any]) -> int:
    """The timestamp in milliseconds: ISO 8601 (UTC where no zone is given) or milliseconds since 1970."""
    value = row.get("timestamp")
    if isinstance(value, int) and not isinstance(value, bool):
        return _within(value)
    if isinstance(value, str) and value.isdecimal() and len(value) >= 11:
        return _within(int(value))
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type] # anything else is a TypeError
    except (TypeError, ValueError):
        raise _bad(f"timestamp must be ISO 8601 or milliseconds since 1970, got {value!r:.60}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _within(round(moment.timestamp() * 1000))


def _within(milliseconds: int) -> int:
    if not 0 <= milliseconds < 253_402_300_800_000:
        raise _bad(f"timestamp must lie in the years 1970 to 9999, got {milliseconds}")
    return milliseconds


def _count(name: str, value: Any) -> int:
    if value is None:
        return 0
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise _bad(f"{name} must be a whole number, got {value!r:.60}") from None
    if not 0 <= number <= 1_000_000:
        raise _bad(f"{name} must be 0 to 1,000,000, got {number}")
    return number


def _propensity(value: Any) -> float:
    try:
        propensity = float(value)
    except (TypeError, ValueError):
        propensity = 0.0
    if not 0 < propensity <= 1:
        raise _bad(f"a propensity must be above 0 and at most 1, got {value!r:.60}")
    return propensity


def _propensities(value: Any) -> dict[int, float]:
    if not isinstance(value, dict):
        raise _bad(f"query_attributes.explored must be an object, got {value!r:.60}")
    return {_count("a rank", rank): _propensity(each) for rank, each in value.items()}


def _hits(value: Any) -> tuple[str, ...]:
    """Ids of a JSON list, or of a text: a JSON list in it, or ids between commas."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        try:
            parsed = json.loads(value) if value.startswith("[") else value.split(",")
        except ValueError:
            parsed = None
        value = parsed
    if not _is_texts(value):
        raise _bad("query_response_hit_ids must be a list of ids")
    return tuple(str(each).strip() for each in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, str | int) and not isinstance(each, bool) for each in value
    )


def _made_id(fields: Mapping[str, Any]) -> str:
    said = "\x1f".join(map(str, fields.values())).encode("utf-8", "surrogatepass")
    return blake2b(said, digest_size=8).hexdigest()
