"""Collections over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

COLLECTIONS = "/api/v1/collections"


@pytest.fixture
def ids(http: httpx.Client) -> list[str]:
    found = http.get("/api/v1/search/images", params={"q": "supplier:acme"}).json()["results"]
    return [item["id"] for item in found][:4]


@pytest.fixture
def made(http: httpx.Client) -> Iterator[dict[str, Any]]:
    answer = http.post(COLLECTIONS, json={"name": "封面 <b>", "description": "春季"})
    assert answer.status_code == 201, answer.text
    yield answer.json()
    http.delete(f"{COLLECTIONS}/{answer.json()['id']}")


def whole(http: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    return http.get(f"{COLLECTIONS}/{made['id']}", params={"lang": "zh"}).json()  # type: ignore[no-any-return]


def test_put_together_order_and_take_out(http: httpx.Client, made: dict[str, Any], ids: list[str]) -> None:
    path = f"{COLLECTIONS}/{made['id']}"
    assert http.post(f"{path}/items", json={"image_ids": ids[:3]}).json() == {"count": 3}
    assert http.post(f"{path}/items", json={"image_ids": ids[2:]}).json() == {"count": 1}
    assert http.post(f"{path}/order", json={"image_ids": [ids[3]], "before": ids[0]}).status_code == 204
    found = whole(http, made)
    assert [image["id"] for image in found["images"]] == [ids[3], *ids[:3]]
    assert found["collection"]["count"] == 4
    assert found["collection"]["covers"][0] == found["images"][0]["urls"]["thumb"]
    assert http.post(f"{path}/items/take-out", json={"image_ids": ids[:2]}).json() == {"count": 2}
    listed = http.get(COLLECTIONS, params={"image_id": ids[2]}).json()
    assert [each["id"] for each in listed["results"]] == [made["id"]]
    assert http.get(COLLECTIONS, params={"image_id": ids[0]}).json()["total"] == 0


def test_unknown_images_are_refused_and_nothing_is_added(
    http: httpx.Client, made: dict[str, Any], ids: list[str]
) -> None:
    answer = http.post(f"{COLLECTIONS}/{made['id']}/items", json={"image_ids": [ids[0], "nosuch"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "image_not_found")
    assert whole(http, made)["images"] == []


def test_two_people_rename_at_once(http: httpx.Client, made: dict[str, Any]) -> None:
    path = f"{COLLECTIONS}/{made['id']}"
    body = {"name": "封面", "revision": made["revision"]}
    assert http.patch(path, json=body).json()["name"] == "封面"
    answer = http.patch(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")


def test_comments(http: httpx.Client, made: dict[str, Any]) -> None:
    path = f"{COLLECTIONS}/{made['id']}/comments"
    comment = http.post(path, json={"words": "很好"}).json()
    assert [each["words"] for each in http.get(path).json()["results"]] == ["很好"]
    assert http.post(path, json={"words": " ", "image_id": ""}).status_code == 422
    assert http.delete(f"{path}/{comment['id']}").status_code == 204
    assert http.delete(f"{path}/{comment['id']}").status_code == 404


def test_a_link_shows_it_and_can_be_ended(http: httpx.Client, made: dict[str, Any], ids: list[str]) -> None:
    path = f"{COLLECTIONS}/{made['id']}"
    http.post(f"{path}/items", json={"image_ids": ids[:2]})
    share = http.post(f"{path}/shares", json={"days": 7}).json()
    secret = share["url"].rsplit("/", 1)[1]
    found = http.get(f"/api/v1/shared/{secret}")
    assert [image["id"] for image in found.json()["images"]] == ids[:2]
    assert [each["id"] for each in http.get(f"{path}/shares").json()["results"]] == [share["id"]]
    assert "url" not in http.get(f"{path}/shares").json()["results"][0]
    assert http.delete(f"{path}/shares/{share['id']}").status_code == 204
    assert http.get(f"/api/v1/shared/{secret}").status_code == 404
    for days in (0, 366, "7", True):
        assert http.post(f"{path}/shares", json={"days": days}).status_code == 422


def test_a_contact_sheet(http: httpx.Client, made: dict[str, Any], ids: list[str]) -> None:
    path = f"{COLLECTIONS}/{made['id']}"
    every = http.get("/api/v1/search/images", params={"per_page": 30}).json()["results"]
    http.post(f"{path}/items", json={"image_ids": [item["id"] for item in every]})
    answer = http.get(f"{path}/contact-sheet.pdf", params={"lang": "zh"})
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(BytesIO(answer.content)).pages
    assert len(pages) == 3
    text = "".join(page.extract_text() for page in pages)
    assert ids[0] in text
    assert "雪山" in text
    assert sum(len(page.images) for page in pages) == 30


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "x" * 201}, {"name": 5}, {"name": "x", "nosuch": 1}, []]
)
def test_bad_bodies(http: httpx.Client, body: Any) -> None:
    assert http.post(COLLECTIONS, json=body).status_code == 422


def test_what_is_not_there(http: httpx.Client) -> None:
    for method, path in [
        ("GET", ""), ("DELETE", ""), ("GET", "/comments"), ("GET", "/shares"), ("GET", "/contact-sheet.pdf"),
    ]:  # fmt: skip
        answer = http.request(method, f"{COLLECTIONS}/nosuch{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "collection_not_found")


def test_another_sites_page_changes_nothing(http: httpx.Client, made: dict[str, Any]) -> None:
    answer = http.delete(f"{COLLECTIONS}/{made['id']}", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert whole(http, made)["collection"]["id"] == made["id"]
