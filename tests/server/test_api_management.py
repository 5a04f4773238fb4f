"""Dashboard, suppliers' health and rules over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from search_builders import World
from server_builder import build_world, serving

DASHBOARD, RULES = "/api/v1/dashboard", "/api/v1/rules"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    yield world
    world.close()


@pytest.fixture
def http(world: World) -> Iterator[httpx.Client]:
    with (
        serving(world) as (address, _),
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        yield client


def test_an_empty_dashboard(http: httpx.Client) -> None:
    found = http.get(DASHBOARD).json()
    assert found["days"] == found["queries"] == found["images"] == found["ending"] == []
    assert found["in_use"]["ranker"] == "convex"
    http.get("/api/v1/search/images", params={"q": "supplier:acme"})
    assert {"parse", "browse"} <= {stage["stage"] for stage in http.get(DASHBOARD).json()["stages"]}
    assert http.get(DASHBOARD, params={"days": 0}).status_code == 422


def test_what_people_did_shows(http: httpx.Client) -> None:
    for _ in range(3):
        answer = http.get("/api/v1/search/images", params={"q": "snow"}).json()
    image = answer["results"][0]["id"]
    place = {"object": {"object_id": image}, "position": {"ordinal": 1}}
    event = {
        "event_id": "00000000000000aa",
        "query_id": answer["query_id"],
        "action_name": "download",
        "event_attributes": place,
    }
    now = datetime.now(UTC).isoformat()
    sent = http.post("/api/v1/events", json={"sent": now, "events": [event | {"timestamp": now}]})
    assert sent.status_code == 200, sent.text
    found = http.get(DASHBOARD).json()
    (asked,) = found["queries"]
    assert (asked["q"], asked["searches"], asked["clicked"], asked["downloads"]) == ("snow", 3, 1, 1)
    assert found["days"][0]["downloads"] == 1
    assert found["images"][0]["id"] == image
    assert found["suppliers"] == [{"supplier": "acme", "impressions": 0, "clicks": 0, "downloads": 1}]
    assert found["places"][0]["rank"] == 1


def test_suppliers_health(http: httpx.Client) -> None:
    acme, zoo = http.get("/api/v1/suppliers/health").json()["results"]
    assert (acme["title"], acme["images"], acme["without_license"]) == ("Acme Pictures", 6, 1)
    assert zoo["withheld"] is False
    http.post("/api/v1/agreements", json={"supplier": "zoo", "title": "Old", "ends": "2020-01-01"})
    assert http.get("/api/v1/suppliers/health").json()["results"][1]["withheld"] is True


def test_rules_are_made_followed_and_taken_away(http: httpx.Client) -> None:
    images = http.get("/api/v1/search/images", params={"q": "snow"}).json()["results"]
    last = images[-1]["id"]
    made = http.post(
        RULES, json={"kind": "pin", "query": "snow", "target": f"image:{last}", "note": "why"}
    ).json()
    assert made["created_by"] == "local"
    assert http.get("/api/v1/search/images", params={"q": "snow"}).json()["results"][0]["id"] == last
    assert [each["rule_id"] for each in http.get(RULES).json()["results"]] == [made["rule_id"]]
    assert http.delete(f"{RULES}/{made['rule_id']}").status_code == 204
    assert http.get("/api/v1/search/images", params={"q": "snow"}).json()["results"][0]["id"] != last
    assert http.delete(f"{RULES}/{made['rule_id']}").json()["code"] == "rule_not_found"
    actions = [each["action"] for each in http.get("/api/v1/audit").json()["results"]]
    assert actions[:2] == ["rule.remove", "rule.add"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "pin", "query": "", "target": "image:x"}, "image_not_found"),
        ({"kind": "boost", "target": "supplier:acme", "amount": 0}, "bad_rule"),
        ({"kind": "crown", "target": "x"}, "invalid_parameters"),
        ({"kind": "synonym", "query": "x", "target": "y", "until": "tomorrow"}, "invalid_parameters"),
    ],
)
def test_rules_that_cannot_be(http: httpx.Client, body: dict[str, object], code: str) -> None:
    answer = http.post(RULES, json=body)
    assert answer.json()["code"] == code
    assert http.get(RULES).json()["results"] == []


@pytest.mark.parametrize(("lang", "title"), [("zh", "管理"), ("en", "Manage")])
def test_the_page(http: httpx.Client, lang: str, title: str) -> None:
    page = http.get("/manage", params={"lang": lang})
    assert f"<title>{title}" in page.text
    assert "<script>" not in page.text
