"""Who asks, as far as the event log may know, and what it writes of an answer."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, fields
from typing import Annotated, Any

from fastapi import Depends, Request

from tusou.feedback.clients import CLIENT_COOKIE, has_opted_out
from tusou.feedback.records import APPLICATION, LoggedQuery
from tusou.search.filters import is_unfiltered
from tusou.server.state import ServerState
from tusou.types import Filters, SearchPage, SearchRequest

APPLICATION_HEADER = "x-application"
CLIENT_HEADER = "x-client-id"
MAX_CLIENT = 100

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sent a request.

    Attributes:
        client: What tells this client apart; the log writes its pseudonym only. Empty when unknown.
        application: Which program asks.
        opted_out: Nothing of this client may be logged.
    """

    client: str = ""
    application: str = APPLICATION
    opted_out: bool = False


def asker_of(request: Request) -> Asker:
    """Read who asks from cookies and headers; never from the network address."""
    application = request.headers.get(APPLICATION_HEADER, "")
    client = request.headers.get(CLIENT_HEADER) or request.cookies.get(CLIENT_COOKIE, "")
    return Asker(
        client=client[:MAX_CLIENT],
        application=application if _NAME.fullmatch(application) else APPLICATION,
        opted_out=has_opted_out(request.headers, request.cookies),
    )


AskerOf = Annotated[Asker, Depends(asker_of)]


def log_answer(state: ServerState, asker: Asker, request: SearchRequest, found: SearchPage) -> None:
    """Hand an answer to the event log, unless there is none or its asker wants none."""
    if state.feedback is None or asker.opted_out:
        return
    state.feedback.query(
        LoggedQuery(
            query_id=found.query_id,
            timestamp=now_milliseconds(),
            user_query=request.q,
            hits=tuple(hit.image.image_id for hit in found.hits),
            client=asker.client,
            application=asker.application,
            first_rank=request.offset + 1,
            attributes=_attributes(state, request, found),
            explored=found.explored,
            features=found.features,
        )
    )


def now_milliseconds() -> int:
    """The clock of the event log."""
    return time.time_ns() // 1_000_000


def _attributes(state: ServerState, request: SearchRequest, found: SearchPage) -> dict[str, Any]:
    """What else explains the answer; the bytes of a query picture are never kept."""
    attributes: dict[str, Any] = {
        "lang": request.lang,
        "sort": request.sort,
        "total": found.total,
        "relevant": found.relevant,
        "model": state.engine.encoder.model_id,
    }
    if request.image_id is not None:
        attributes |= {"image_id": request.image_id, "mode": request.mode}
    elif request.image is not None:
        attributes |= {"image": True, "mode": request.mode}
    if not is_unfiltered(request.filters):
        attributes["filters"] = _filters(request.filters)
    return attributes


def _filters(filters: Filters) -> dict[str, Any]:
    """Filters that filter something."""
    plain = Filters()
    values = {each.name: getattr(filters, each.name) for each in fields(Filters)}
    return {
        name: [value.low, value.high] if hasattr(value, "low") else value
        for name, value in values.items()
        if value != getattr(plain, name)
    }
