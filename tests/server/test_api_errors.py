"""Every wrong input is answered with problem+json that says what, where and what to do."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import solid
from search_builders import RED, World, png
from tusou import errors
from tusou.server.problems import PROBLEM_JSON, STATUS, Problem, status_of
from tusou.server.state import ServerState

SEARCH = "/api/v1/search/images"
BY_IMAGE = "/api/v1/search/images/by-image"


def check(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM_JSON), answer.text
    body: dict[str, Any] = answer.json()
    Problem.model_validate(body)
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"per_page": "0"}, "invalid_parameters"),
        ({"per_page": "101"}, "invalid_parameters"),
        ({"page": "x"}, "invalid_parameters"),
        ({"page": "0"}, "invalid_parameters"),
        ({"orientation": "diagonal"}, "invalid_parameters"),
        ({"width": "wide"}, "invalid_parameters"),
        ({"width": "9-3"}, "bad_query"),
        ({"color": "nosuch"}, "bad_color"),
        ({"color_tolerance": "101"}, "invalid_parameters"),
        ({"license_type": "nothing"}, "invalid_parameters"),
        ({"cursor": "x"}, "bad_cursor"),
        ({"cursor": "é"}, "bad_cursor"),
        ({"nosuch": "1"}, "invalid_parameters"),
        ({"fields": "a b"}, "invalid_parameters"),
        ({"q": "x" * 10_000}, "invalid_parameters"),
        ({"q": "orientation:diagonal"}, "bad_filter"),
    ],
)
def test_bad_parameters(http: httpx.Client, parameters: dict[str, str], code: str) -> None:
    check(http.get(SEARCH, params=parameters), 422, code)


def test_a_wrong_parameter_is_named(http: httpx.Client) -> None:
    body = check(http.get(SEARCH, params={"per_page": "many", "page": "0"}), 422, "invalid_parameters")
    assert [fault["location"] for fault in body["errors"]] == ["query.page", "query.per_page"]


def test_an_unknown_parameter_is_told_where_the_names_stand(http: httpx.Client) -> None:
    body = check(http.get(SEARCH, params={"nosuch": "1"}), 422, "invalid_parameters")
    assert body["detail"] == "query.nosuch: there is no such input; the names stand in /api/v1/openapi.json"


def test_a_wrong_form_is_shown(http: httpx.Client) -> None:
    files = {"file": ("q.png", png(solid(RED)))}
    body = check(http.post(BY_IMAGE, files=files, data={"region": "1,2"}), 422, "invalid_parameters")
    assert body["detail"].startswith("body.region: '1,2' has the wrong form")


@pytest.mark.parametrize("field", ["supplier", "license"])
def test_unknown_names_in_filters(http: httpx.Client, field: str) -> None:
    answer = http.get(SEARCH, params={field: "nosuch"})
    assert answer.status_code in (404, 422), answer.text
    assert "nosuch" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["的 了", "🎉🎉", "\x00\x07", "a" * 512, "((((", '"', "-", "‮abc", "*:*", "%", "的"]
)
def test_odd_queries_are_answered(http: httpx.Client, query: str) -> None:
    assert http.get(SEARCH, params={"q": query}).status_code == 200


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"filters": {"width": {"like": 3}}}, "body.filters.width.like"),
        ({"filters": {"nosuch": {"eq": 3}}}, "body.filters.nosuch"),
        ({"filters": {"added": {"gte": "yesterday"}}}, "body.filters.added.gte"),
        ({"filters": {"added": {"gte": "2024-05-01T00:00:00"}}}, "body.filters.added.gte"),
        ({"per_page": "x"}, "body.per_page"),
    ],
)
def test_bad_bodies(http: httpx.Client, body: dict[str, Any], location: str) -> None:
    problem = check(http.post(SEARCH, json=body), 422, "invalid_parameters")
    assert location in [fault["location"] for fault in problem["errors"]]


def test_broken_json(http: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    body = check(http.post(SEARCH, content=b'{"q": ', headers=headers), 422, "invalid_parameters")
    assert "the body is not valid JSON" in body["detail"]
    check(http.post(SEARCH, content=b"\xff\xfe", headers=headers), 422, "invalid_parameters")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "empty_file"),
        (b"hello", 415, "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
        (png(solid(RED))[:60], 422, "truncated"),
    ],
)
def test_bad_pictures(http: httpx.Client, data: bytes, status: int, code: str) -> None:
    answer = http.post(BY_IMAGE, files={"file": ("q.png", data)})
    assert answer.headers["content-type"] == PROBLEM_JSON
    assert answer.status_code in (413, 415, 422), answer.text
    assert (answer.status_code, answer.json()["code"]) in [(status, code), (422, "broken_image"), (415, code)]


def test_a_huge_header_is_refused(http: httpx.Client) -> None:
    bomb = bytearray(png(solid(RED)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    answer = http.post(BY_IMAGE, files={"file": ("q.png", bytes(bomb))})
    assert answer.status_code in (413, 422)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "one_picture_needed"),
        ({"image_id": "a", "image_url": "http://example.org/a.jpg"}, "one_picture_needed"),
        ({"image_id": "a", "region": "0.5,0.5,0.6,0.6"}, "bad_region"),
        ({"image_id": "a", "region": "x"}, "invalid_parameters"),
        ({"image_id": "a", "mode": "other"}, "invalid_parameters"),
        ({"image_id": "a", "image_weight": "2"}, "invalid_parameters"),
    ],
)
def test_bad_picture_queries(http: httpx.Client, data: dict[str, str], code: str) -> None:
    check(http.post(BY_IMAGE, data=data), 422, code)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/a.jpg", "http://169.254.169.254/latest", "file:///etc/passwd", "http://[::1]/", "x"],
)
def test_private_addresses_are_not_fetched(http: httpx.Client, url: str) -> None:
    answer = http.post(BY_IMAGE, data={"image_url": url})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM_JSON)


def test_unknown_image(http: httpx.Client) -> None:
    for path in ("/api/v1/images/nosuch", "/api/v1/images/nosuch/similar", "/media/originals/nosuch"):
        check(http.get(path), 404, "image_not_found")
    check(http.post(BY_IMAGE, data={"image_id": "nosuch"}), 404, "image_not_found")


def test_unknown_path_and_method(http: httpx.Client) -> None:
    check(http.get("/nosuch"), 404, "not_found")
    check(http.get("/static/../app.py"), 404, "not_found")
    refused = http.delete(SEARCH)
    check(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, POST"


def test_an_unexpected_failure_is_a_500_with_the_request_id(
    http: httpx.Client, state: ServerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret path")

    monkeypatch.setattr(state.engine, "search", fail)
    body = check(http.get(SEARCH, headers={"x-request-id": "my-id-7"}), 500, "internal_error")
    assert body["request_id"] == "my-id-7"
    assert "secret" not in body["detail"]


def test_an_error_below_keeps_its_reason(
    http: httpx.Client, state: ServerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise errors.IndexCorrupt("segment 3 is damaged; run `tusou rebuild`")

    monkeypatch.setattr(state.engine, "search", fail)
    assert "rebuild" in check(http.get(SEARCH), 503, "index_corrupt")["detail"]


def test_every_error_class_has_a_status() -> None:
    classes = [
        cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.TusouError)
    ]
    assert len(classes) > 20
    for cls in classes:
        assert 400 <= status_of(cls("x")) <= 599
    assert {cls.__name__ for cls in STATUS} <= {cls.__name__ for cls in classes}


def test_a_missing_original_is_told_without_its_path(http: httpx.Client, world: World) -> None:
    image_id = http.get(SEARCH, params={"q": "blob 23"}).json()["results"][0]["id"]
    path = Path(world.library.original_path(world.library.catalog.get(image_id)))
    kept = path.read_bytes()
    path.unlink()
    try:
        licensed = http.post("/api/v1/licenses", json={"image_id": image_id, "purpose": "editorial"}).json()
        for url in (licensed["download_location"], f"/media/previews/{image_id}"):
            body = check(http.get(url), 422, "missing_original")
            assert str(path.parent) not in body["detail"]
    finally:
        path.write_bytes(kept)
