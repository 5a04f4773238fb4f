"""What people did with results, reported by the page or by programs, after UBI 1.3."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tusou.feedback.records import EXPLANATIONS, LoggedEvent, Verdict
from tusou.server.asker import AskerOf, now_milliseconds
from tusou.server.json_values import number_only
from tusou.server.moments import Moment
from tusou.server.problems import Fault, problem, responses
from tusou.server.state import State

router = APIRouter(prefix="/api/v1", tags=["feedback"])

MAX_EVENTS = 500
"""Events per request."""

Id = Annotated[str, Field(min_length=1, max_length=100)]
Place = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(number_only)]


class EventObject(BaseModel):
    """What an event is about."""

    object_id: Id = Field(description="`id` of the result.")


class EventPosition(BaseModel):
    """Where it stood; 0 is unknown."""

    ordinal: Place = Field(default=0, description="`rank` of the result in the whole answer, from 1.")
    row: Place = Field(default=0, description="Row of the grid, from 1.")
    column: Place = Field(default=0, description="Place in the row, from 1.")
    columns: Place = Field(default=0, description="Results in that row.")


class EventAttributes(BaseModel):
    """Object and position of an event."""

    object: EventObject | None = None
    position: EventPosition = Field(default_factory=EventPosition)


class Event(BaseModel):
    """One thing somebody did with an answer; further properties of UBI are taken and not kept."""

    event_id: Id = Field(description="Chosen by the sender; sending it twice counts once.")
    query_id: Id = Field(description="`query_id` of the answer.")
    action_name: Id = Field(
        description="`impression`, `click`, `similar`, `collect`, `download`, `license`, `copy_attribution`; "
        "other actions are kept and count for nothing."
    )
    timestamp: Moment = Field(description="When it happened, ISO 8601.")
    event_attributes: EventAttributes = Field(default_factory=EventAttributes)


class EventBatch(BaseModel):
    """Body of `POST /events`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "sent": "2026-11-26T10:00:05Z",
                "events": [
                    {
                        "event_id": "5f0c8a5e9d4b4a0c",
                        "query_id": "01936a5e-7c1e-7cc3-98c4-dc0c0c07398f",
                        "action_name": "click",
                        "timestamp": "2026-11-26T10:00:00Z",
                        "event_attributes": {
                            "object": {"object_id": "acme-7"},
                            "position": {"ordinal": 7, "row": 2, "column": 3, "columns": 4},
                        },
                    }
                ],
            }
        },
    )

    sent: Moment | None = Field(
        default=None, description="The sender's clock as it sends; timestamps are then read by that clock."
    )
    events: list[Event] = Field(min_length=1, max_length=MAX_EVENTS)


class RefusedEvent(BaseModel):
    """An event that cannot be right."""

    index: int = Field(description="Place in `events`, from 0.")
    event_id: str
    code: str = Field(description="`unknown_query`, `not_shown`, `before_query`, `too_late` or `future`.")
    detail: str


class EventReceipt(BaseModel):
    """What became of the events."""

    accepted: int = Field(description="Written, and durable.")
    duplicates: int = Field(description="Written before under the same event_id.")
    ignored: int = Field(description="Not written, because the sender opted out or logging is off.")
    refused: list[RefusedEvent]


@router.post(
    "/events",
    response_model=EventReceipt,
    responses=responses(400, 403, 413, 422, 503, 507),
    operation_id="report_events",
    summary="Report what people did",
)
async def report_events(batch: EventBatch, request: Request, state: State, asker: AskerOf) -> JSONResponse:
    """Log what people did with an answer; the answer comes once it is durable.

    Sending the same events again changes nothing. Events that cannot be right are named one by one; when all
    of them are refused, the answer is a problem.
    """
    if state.feedback is None or asker.opted_out:
        return JSONResponse({"accepted": 0, "duplicates": 0, "ignored": len(batch.events), "refused": []})
    verdicts = await asyncio.wrap_future(state.feedback.events(logged_events(batch, now_milliseconds())))
    refused = {i: verdict for i, verdict in enumerate(verdicts) if verdict.is_refusal}
    if len(refused) == len(verdicts):
        return _all_refused(request, refused)
    return JSONResponse(
        {
            "accepted": verdicts.count(Verdict.ACCEPTED),
            "duplicates": verdicts.count(Verdict.DUPLICATE),
            "ignored": 0,
            "refused": [_refused(i, batch.events[i], verdict) for i, verdict in refused.items()],
        }
    )


def logged_events(batch: EventBatch, received: int) -> list[LoggedEvent]:
    """Events as the log keeps them, their times by the server's clock.

    Args:
        batch: What was reported.
        received: Milliseconds since 1970; what lies between this and ``sent`` is the sender's clock's fault.
    """
    shift = 0 if batch.sent is None else received - milliseconds(batch.sent)
    return [_logged(event, shift) for event in batch.events]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970; a moment without a time zone is in UTC."""
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _logged(event: Event, shift: int) -> LoggedEvent:
    target, position = event.event_attributes.object, event.event_attributes.position
    return LoggedEvent(
        event_id=event.event_id,
        query_id=event.query_id,
        action=event.action_name,
        timestamp=milliseconds(event.timestamp) + shift,
        object_id=target.object_id if target else "",
        ordinal=position.ordinal,
        row=position.row,
        column=position.column,
        columns=position.columns,
    )


def _refused(i: int, event: Event, verdict: Verdict) -> dict[str, Any]:
    return {"index": i, "event_id": event.event_id, "code": verdict, "detail": EXPLANATIONS[verdict]}


def _all_refused(request: Request, refused: Mapping[int, Verdict]) -> JSONResponse:
    """A problem that names each event's fault; its code is theirs when they share one."""
    faults = [Fault(location=f"body.events.{i}", message=EXPLANATIONS[each]) for i, each in refused.items()]
    codes = set(refused.values())
    code = codes.pop() if len(codes) == 1 else "events_refused"
    return problem(request.scope, 422, f"no event was written: {faults[0].message}", code=code, faults=faults)
