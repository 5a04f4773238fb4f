"""Saved searches over HTTP: asked again, with what is new."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import striped
from search_builders import BLUE, RED, World, give_cutoff
from server_builder import build_world, serving
from tusou.errors import QueryError
from tusou.search.engine import REFRESH_SECONDS

SAVED = "/api/v1/saved-searches"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    give_cutoff(world)
    yield world
    world.close()


@pytest.fixture
def http(world: World) -> Iterator[httpx.Client]:
    with (
        serving(world) as (address, _),
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        yield client


def listed(http: httpx.Client) -> list[dict[str, Any]]:
    return http.get(SAVED).json()["results"]  # type: ignore[no-any-return]


def save(http: httpx.Client, address: str, name: str = "one") -> httpx.Response:
    return http.post(SAVED, json={"name": name, "address": address})


def test_what_is_new_by_words_and_by_meaning(http: httpx.Client, world: World) -> None:
    made = save(http, "q=red&sort=newest", "红色").json()
    assert made["new"] == 0
    assert made["count"] >= 1
    now = datetime.now(UTC)
    for name, picture in (("new-red", striped({RED: 40, BLUE: 8})), ("new-blue", striped({BLUE: 50}))):
        world.add(picture, item_id=name, title_en=name.replace("-", " "), added=now, updated=now)
    time.sleep(1.5 * REFRESH_SECONDS)
    (found,) = listed(http)
    assert (found["new"], found["count"]) == (1, made["count"] + 1)  # the blue one is new but does not match
    assert http.post(f"{SAVED}/{found['id']}/seen").status_code == 204
    assert listed(http)[0]["new"] == 0
    assert http.delete(f"{SAVED}/{found['id']}").status_code == 204
    assert http.delete(f"{SAVED}/{found['id']}").json()["code"] == "search_not_found"
    assert http.post(f"{SAVED}/{found['id']}/seen").status_code == 404


def test_filters_alone(http: httpx.Client) -> None:
    made = save(http, "supplier=zoo&lang=zh").json()
    assert (made["count"], len(made["covers"])) == (24, 4)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("lang=zh", "empty_query"),
        ("image_id=x", "empty_query"),
        ("q=a&color=nonsense", "bad_color"),
        ("q=a&usage=war", "bad_filter"),
        ("supplier=nosuch", "unknown_supplier"),
    ],
)
def test_what_cannot_be_asked_is_not_kept(http: httpx.Client, address: str, code: str) -> None:
    answer = save(http, address)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert listed(http) == []


def test_one_that_cannot_be_asked_any_more_says_so(
    http: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(http, "q=snow")

    def fail(*_: object) -> None:
        raise QueryError("no such supplier any more", reason="unknown_supplier")

    monkeypatch.setattr("tusou.search.engine.check_request", fail)
    (found,) = listed(http)
    assert found["problem"] == "no such supplier any more"
