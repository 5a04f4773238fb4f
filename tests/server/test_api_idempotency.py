"""A POST with an Idempotency-Key is done once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from search_builders import World
from server_builder import build_world, serving
from tusou.office.replays import ABANDONED_SECONDS, KEPT_SECONDS, Replays
from tusou.office.store import Office

COLLECTIONS = "/api/v1/collections"


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


def create(http: httpx.Client, key: str, name: str = "one") -> httpx.Response:
    return http.post(COLLECTIONS, json={"name": name}, headers={"idempotency-key": key})


def names(http: httpx.Client) -> list[str]:
    return [each["name"] for each in http.get(COLLECTIONS).json()["results"]]


def test_sent_again_it_is_answered_the_same(http: httpx.Client) -> None:
    first, again = create(http, "a"), create(http, "a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-security-policy"]
    assert create(http, "b").json()["id"] != first.json()["id"]
    assert names(http) == ["one", "one"]


def test_another_body_under_the_same_key(http: httpx.Client) -> None:
    create(http, "a")
    answer = create(http, "a", "two")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert create(http, "a b").json()["code"] == "bad_idempotency_key"
    assert create(http, "x" * 101).status_code == 422
    assert names(http) == ["one"]


def test_what_was_refused_may_be_tried_again(http: httpx.Client) -> None:
    assert create(http, "a", "").status_code == 422
    assert create(http, "a", "now right").status_code == 201


def test_a_body_without_end_is_refused(http: httpx.Client) -> None:
    parts = (b" " * 65_536 for _ in range(40))
    answer = http.post(
        COLLECTIONS, content=parts, headers={"idempotency-key": "a", "content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_many_at_once_do_it_once(http: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: create(http, "same"), range(16)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert names(http) == ["one"]


def test_answers_are_kept_for_a_day_and_abandoned_requests_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    replays = Replays(office)
    assert replays.claim("done", "r") is None
    replays.keep("done", 201, "text/plain", b"yes")
    assert replays.claim("stuck", "r") is None
    stuck = replays.claim("stuck", "r")
    assert stuck is not None
    assert stuck.status == 0
    now = time.time()
    monkeypatch.setattr("tusou.office.store.time.time", lambda: now + ABANDONED_SECONDS + 1)
    assert replays.claim("stuck", "r") is None
    done = replays.claim("done", "r")
    assert done is not None
    assert done.body == b"yes"
    monkeypatch.setattr("tusou.office.store.time.time", lambda: now + KEPT_SECONDS + 1)
    assert replays.claim("done", "r") is None
    office.close()
