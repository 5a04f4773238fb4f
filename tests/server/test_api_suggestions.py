"""`/search/suggestions` and `/search/related`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tusou.server.state import ServerState


@pytest.fixture(autouse=True)
def vocabulary(state: ServerState) -> None:
    """Read the library now, not when the thread gets to it."""
    state.suggestions.refresh()


def suggested(http: httpx.Client, q: str, **parameters: Any) -> list[str]:
    answer = http.get("/api/v1/search/suggestions", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.json()["q"] == q
    return [item["text"] for item in answer.json()["results"]]


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("mount", "mountain"),
        ("xues", "雪山"),
        ("雪", "雪山"),
        ("Snow m", "Snow mountain"),
        ("mountian", "mountain"),
    ],
)
def test_a_suggestion(http: httpx.Client, typed: str, text: str) -> None:
    assert text in suggested(http, typed)


def test_limits_and_nothing(http: httpx.Client) -> None:
    assert len(suggested(http, "b", limit=3)) == 3
    assert suggested(http, "qqqqqq") == []
    assert suggested(http, "") == []  # nothing was asked often enough
    assert http.get("/api/v1/search/suggestions", params={"q": "x" * 513}).status_code == 422
    assert http.get("/api/v1/search/suggestions", params={"q": "x", "limit": 21}).status_code == 422


def test_related_searches_and_what_was_meant(http: httpx.Client) -> None:
    answer = http.get("/api/v1/search/related", params={"q": "mountian", "lang": "en"}).json()
    assert answer["correction"] == "mountain"
    answer = http.get("/api/v1/search/related", params={"q": "snow"}).json()
    assert answer["correction"] == ""
    assert http.get("/api/v1/search/related", params={"q": "supplier:acme"}).json()["results"] == []
    assert http.get("/api/v1/search/related", params={"q": ""}).status_code == 422
    wrong = http.get("/api/v1/search/related", params={"q": "color:nonsense"})
    assert wrong.status_code == 422
    assert wrong.json()["code"] == "bad_filter"
