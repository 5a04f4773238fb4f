"""Searches are logged; what people did is taken once, or answered with its fault; opting out is obeyed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fakes import solid
from search_builders import RED, World, png
from server_builder import serving
from tusou.feedback.records import LoggedEvent, LoggedQuery
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.server.routes.events import MAX_EVENTS
from tusou.server.state import ServerState

EVENTS = "/api/v1/events"


def event(event_id: str, query_id: str, image: str, seconds: float = 0, **fields: Any) -> dict[str, Any]:
    position = {"ordinal": 1, "row": 1, "column": 1, "columns": 5}
    return {
        "event_id": event_id,
        "query_id": query_id,
        "action_name": "click",
        "timestamp": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
        "event_attributes": {"object": {"object_id": image}, "position": position},
    } | fields


def find(http: httpx.Client, **headers: str) -> tuple[str, str]:
    """A search's query_id and its first image."""
    body = http.get("/api/v1/search/images", params={"q": "snow mountain"}, headers=headers).json()
    return body["query_id"], body["results"][0]["id"]


def logged_query(state: ServerState, query_id: str) -> LoggedQuery | None:
    """What the log has of a query, once everything that waited is written."""
    assert state.feedback is not None
    state.feedback.events([]).result(10)
    with EventStore(state.library.path / FILE_NAME, read_only=True) as store:
        return next((query for _, query in store.queries() if query.query_id == query_id), None)


def logged_events(state: ServerState, query_id: str) -> list[LoggedEvent]:
    with EventStore(state.library.path / FILE_NAME, read_only=True) as store:
        return [
            event
            for low, high in store.spans()
            for _, event in store.events(low, high)
            if event.query_id == query_id
        ]


def test_a_search_is_logged_as_it_was_shown(http: httpx.Client, state: ServerState) -> None:
    params: dict[str, str | int] = {"q": "雪山", "lang": "zh", "per_page": 2, "page": 2}
    params |= {"megapixels": "0-9", "supplier": "acme"}
    headers = {"x-client-id": "me", "x-application": "my-program"}
    body = http.get("/api/v1/search/images", params=params, headers=headers).json()
    logged = logged_query(state, body["query_id"])
    assert logged is not None
    assert logged.user_query == "雪山"
    assert list(logged.hits) == [result["id"] for result in body["results"]]
    assert logged.first_rank == body["results"][0]["rank"] == 3
    assert logged.application == "my-program"
    assert len(logged.client) == 22
    assert logged.attributes["filters"] == {"supplier": ["acme"], "megapixels": [0.0, 9.0]}
    assert (logged.attributes["lang"], logged.attributes["total"]) == ("zh", body["total"])


def test_similar_images_are_a_query_without_words(http: httpx.Client, state: ServerState) -> None:
    _, image = find(http)
    body = http.get(f"/api/v1/images/{image}/similar").json()
    logged = logged_query(state, body["query_id"])
    assert logged is not None
    assert (logged.user_query, logged.attributes["image_id"]) == ("", image)


def test_of_a_query_picture_only_that_there_was_one_is_kept(http: httpx.Client, state: ServerState) -> None:
    files = {"file": ("x.png", png(solid(RED)))}
    body = http.post("/api/v1/search/images/by-image", files=files, data={"q": "car"}).json()
    logged = logged_query(state, body["query_id"])
    assert logged is not None
    assert (logged.user_query, logged.attributes["image"]) == ("car", True)


def test_a_click_is_acknowledged_when_it_is_durable_and_counts_once(
    http: httpx.Client, state: ServerState
) -> None:
    query_id, image = find(http)
    body = {"events": [event("c1", query_id, image), event("c1", query_id, image)]}
    first = http.post(EVENTS, json=body)
    assert first.status_code == 200
    assert first.json() == {"accepted": 1, "duplicates": 1, "ignored": 0, "refused": []}
    (kept,) = logged_events(state, query_id)  # no waiting: it was acknowledged
    assert (kept.action, kept.object_id, kept.ordinal, kept.columns) == ("click", image, 1, 5)
    assert http.post(EVENTS, json=body).json()["duplicates"] == 2


def test_each_event_that_cannot_be_right_is_named(http: httpx.Client) -> None:
    query_id, image = find(http)
    events = [
        event("ok", query_id, image),
        event("unknown", "no-such-query", image),
        event("elsewhere", query_id, "no-such-image"),
        event("early", query_id, image, -3600),
        event("future", query_id, image, 3600),
    ]
    answer = http.post(EVENTS, json={"events": events}).json()
    assert answer["accepted"] == 1
    assert [(each["index"], each["event_id"], each["code"]) for each in answer["refused"]] == [
        (1, "unknown", "unknown_query"),
        (2, "elsewhere", "not_shown"),
        (3, "early", "before_query"),
        (4, "future", "future"),
    ]
    assert "take it from the search's answer" in answer["refused"][0]["detail"]
    metrics = http.get("/metrics").text
    for result in ("accepted", "unknown_query", "not_shown", "before_query", "future", "query_logged"):
        assert f'tusou_feedback_records_total{{result="{result}"}}' in metrics


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda e: [e | {"query_id": "nobody"}], "unknown_query"),
        (
            lambda e: [e | {"query_id": "nobody"}, e | {"event_id": "2", "timestamp": "2999-01-01"}],
            "events_refused",
        ),
    ],
)
def test_events_that_are_all_refused_are_a_problem(
    http: httpx.Client, change: Callable[[dict[str, Any]], list[dict[str, Any]]], code: str
) -> None:
    events = change(event("e", *find(http)))
    answer = http.post(EVENTS, json={"events": events})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert [fault["location"] for fault in answer.json()["errors"]] == [
        f"body.events.{i}" for i in range(len(events))
    ]


def test_a_sender_whose_clock_is_wrong_says_what_it_reads(http: httpx.Client, state: ServerState) -> None:
    query_id, image = find(http)
    wrong = datetime.now(UTC) + timedelta(days=400)
    click = event("skewed", query_id, image, timestamp=(wrong - timedelta(seconds=2)).isoformat())
    body = {"sent": wrong.isoformat(), "events": [click]}
    assert http.post(EVENTS, json=body).json()["accepted"] == 1
    (kept,) = logged_events(state, query_id)
    assert abs(kept.timestamp / 1000 - (datetime.now(UTC).timestamp() - 2)) < 30


def test_a_time_without_a_zone_is_utc(http: httpx.Client) -> None:
    query_id, image = find(http)
    naive = datetime.now(UTC).replace(tzinfo=None).isoformat()
    answer = http.post(EVENTS, json={"events": [event("naive", query_id, image, timestamp=naive)]})
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"events": []},
        {"events": [{}] * (MAX_EVENTS + 1)},
        {"events": [{"event_id": "e"}]},
        {"events": [event("e", "q", "i", event_attributes={"position": {"ordinal": -1}})]},
        {"events": [event("e", "q", "x" * 101)]},
        {"events": [event("e", "q", "i", timestamp="yesterday")]},
        {"events": [event("e", "q", "i")], "more": 1},
    ],
)
def test_a_body_of_the_wrong_form_is_a_problem(http: httpx.Client, body: dict[str, Any]) -> None:
    answer = http.post(EVENTS, json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_parameters"
    assert answer.json()["errors"]


def test_the_limit_is_published(http: httpx.Client) -> None:
    assert http.get("/api/v1/limits").json()["max_events"] == MAX_EVENTS


@pytest.mark.parametrize("headers", [{"dnt": "1"}, {"sec-gpc": "1"}, {"cookie": "tusou_feedback=off"}])
def test_who_opted_out_is_not_logged(http: httpx.Client, state: ServerState, headers: dict[str, str]) -> None:
    query_id, image = find(http, **headers)
    assert logged_query(state, query_id) is None
    answer = http.post(EVENTS, json={"events": [event("e", query_id, image)]}, headers=headers)
    assert answer.json() == {"accepted": 0, "duplicates": 0, "ignored": 1, "refused": []}
    page = http.get("/", params={"q": "snow"}, headers=headers)
    assert "set-cookie" not in page.headers
    assert '"opted_out": true' in page.text


def test_the_page_gives_a_client_a_session_cookie_and_logs_its_first_answer(
    served: tuple[str, ServerState],
) -> None:
    address, state = served
    with httpx.Client(base_url=address, trust_env=False) as browser:
        page = browser.get("/", params={"q": "red car"})
        cookie = page.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "Max-Age" not in cookie
        second = browser.get("/", params={"q": "red car"})
        assert "set-cookie" not in second.headers
    ids = [page.text.split('"query_id": "')[1][:36] for page in (page, second)]
    logged = [logged_query(state, query_id) for query_id in ids]
    assert {each.application for each in logged if each} == {"tusou-page"}
    assert len({each.client for each in logged if each}) == 1


def test_a_full_queue_is_a_503_that_says_when_to_come_back(
    http: httpx.Client, state: ServerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    query_id, image = find(http)
    assert state.feedback is not None
    monkeypatch.setattr(state.feedback, "_capacity", 0)
    answer = http.post(EVENTS, json={"events": [event("e", query_id, image)]})
    assert answer.status_code == 503
    assert answer.json()["code"] == "feedback_busy"
    assert answer.headers["retry-after"] == "1"
    assert http.get("/api/v1/search/images", params={"q": "sun"}).status_code == 200  # dropped, not refused


def test_logging_can_be_turned_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = World(tmp_path_factory.mktemp("silent"))
    world.add_many([(solid(RED), {"supplier": "acme", "title_en": "snow mountain"})])
    (world.library.path / "tusou.toml").write_text("feedback = false\n")
    with serving(world) as (address, state), httpx.Client(base_url=address, trust_env=False) as http:
        assert state.feedback is None
        query_id, image = find(http)
        answer = http.post(EVENTS, json={"events": [event("e", query_id, image)]})
        assert answer.json()["ignored"] == 1
        assert '"logs": false' in http.get("/").text
    assert not (world.library.path / FILE_NAME).exists()
    world.close()
