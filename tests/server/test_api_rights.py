"""Agreements, uses, grants, files and the record of downloads over HTTP."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from search_builders import World
from server_builder import build_world, serving
from tusou.imaging.embedded import read_embedded
from tusou.office.store import Office
from tusou.office.uses import local_day

LICENSES, AGREEMENTS = "/api/v1/licenses", "/api/v1/agreements"
YESTERDAY = (local_day() - timedelta(days=1)).isoformat()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    yield world
    world.close()


@pytest.fixture
def http(world: World) -> Iterator[httpx.Client]:
    """A server of this test alone: it changes what may be shown."""
    with (
        serving(world) as (address, _),
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        yield client
    office = Office(world.library.path)
    assert office.tampered() == []
    office.close()


def find(http: httpx.Client, q: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = http.get("/api/v1/search/images", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]  # type: ignore[no-any-return]


def image(http: httpx.Client, title: str) -> dict[str, Any]:
    return next(item for item in find(http, "supplier:acme") if item["title"] == title)


def license_it(http: httpx.Client, image_id: str, **fields: Any) -> httpx.Response:
    return http.post(LICENSES, json={"image_id": image_id, "purpose": "editorial", **fields})


def agree(http: httpx.Client, **terms: Any) -> dict[str, Any]:
    answer = http.post(AGREEMENTS, json={"supplier": "acme", "title": "Frame", **terms})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_license_fetch_and_find_it_in_the_record(http: httpx.Client) -> None:
    mountain = image(http, "Snow mountain")
    made = license_it(http, mountain["id"], medium="print", project="=春季号").json()
    assert made["duties"] == ["attribution"]
    assert "Ada Lin" in made["attribution"]
    answer = http.get(made["download_location"])
    metadata, _ = read_embedded(answer.content)
    assert (metadata.creator, metadata.title_zh) == ("Ada Lin", "雪山")
    assert metadata.license_url == "https://creativecommons.org/licenses/by/4.0/"
    assert made["id"].encode() in answer.content
    small = http.get(made["download_location"], params={"size": "512", "format": "webp"})
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).size == (512, 341)
    history = http.get("/api/v1/downloads", params={"image_id": mountain["id"]}).json()
    assert [(each["size"], each["format"], each["bytes"]) for each in history["results"]] == [
        ("512", "webp", len(small.content)),
        ("original", "png", len(answer.content)),
    ]
    assert history["results"][0]["grant"]["project"] == "=春季号"
    table = http.get("/api/v1/downloads.csv").text
    rows = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
    assert [row["project"] for row in rows] == ["'=春季号"] * 2  # no formula for a spreadsheet
    assert rows[0]["image_id"] == mountain["id"]


def test_the_original_keeps_its_pixels(http: httpx.Client, world: World) -> None:
    mountain = image(http, "Snow mountain")
    grant = license_it(http, mountain["id"]).json()["id"]
    got = http.get(f"/media/originals/{mountain['id']}", params={"license": grant}).content
    path = world.library.original_path(world.library.catalog.get(mountain["id"]))
    assert (np.asarray(Image.open(io.BytesIO(got))) == np.asarray(Image.open(path))).all()
    other = image(http, "A red car")["id"]
    wrong = http.get(f"/media/originals/{other}", params={"license": grant})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "other_image")


def test_what_the_licence_forbids(http: httpx.Client) -> None:
    leaf = image(http, "Green leaf")["id"]  # CC BY-NC
    answer = license_it(http, leaf, purpose="commercial")
    assert (answer.status_code, answer.json()["code"]) == (403, "use_not_allowed")
    verdict = http.get(f"/api/v1/images/{leaf}/use", params={"purpose": "commercial"}).json()
    assert verdict == {
        "allowed": False,
        "reasons": ["purpose_not_licensed"],
        "duties": ["attribution"],
        "until": "",
    }
    assert http.get(f"/api/v1/images/{leaf}/use", params={"purpose": "education"}).json()["allowed"]
    assert http.get("/api/v1/downloads").json()["results"] == []


def test_an_ended_agreement_withdraws_everything_at_once(http: httpx.Client) -> None:
    mountain = image(http, "Snow mountain")
    grant = license_it(http, mountain["id"]).json()
    made = agree(http)
    assert find(http, "snow")[0]["supplier"] == "acme"
    body = {"title": "Frame", "ends": YESTERDAY, "revision": made["revision"]}
    amended = http.put(f"{AGREEMENTS}/{made['id']}", json=body).json()
    assert (amended["runs"], amended["supplier"]) == (False, "acme")
    assert all(item["supplier"] == "zoo" for item in find(http, "snow"))
    gone = [
        f"/api/v1/images/{mountain['id']}", f"/api/v1/images/{mountain['id']}/similar",
        f"/media/previews/{mountain['id']}", mountain["urls"]["thumb"], grant["download_location"],
    ]  # fmt: skip
    for path in gone:
        answer = http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (410, "withheld"), path
    assert license_it(http, mountain["id"]).status_code == 410
    assert http.delete(f"{AGREEMENTS}/{made['id']}").status_code == 204
    assert http.get(mountain["urls"]["thumb"]).status_code == 200
    assert http.get(grant["download_location"]).status_code == 200


def test_a_collection_shows_that_an_image_is_gone(http: httpx.Client) -> None:
    collection = http.post("/api/v1/collections", json={"name": "one"}).json()["id"]
    ids = [image(http, "Snow mountain")["id"], find(http, "supplier:zoo")[0]["id"]]
    http.post(f"/api/v1/collections/{collection}/items", json={"image_ids": ids})
    secret = http.post(f"/api/v1/collections/{collection}/shares", json={}).json()["url"].rsplit("/", 1)[1]
    agree(http, ends=YESTERDAY)
    for path in (f"/api/v1/collections/{collection}", f"/api/v1/shared/{secret}"):
        shown = http.get(path).json()["images"]
        assert shown[0] == {"id": ids[0], "gone": True}
        assert shown[1]["gone"] is False
    assert http.get(f"/api/v1/collections/{collection}/contact-sheet.pdf").status_code == 200


def test_search_leaves_out_what_a_use_does_not_allow(http: httpx.Client) -> None:
    titles = {item["title"] for item in find(http, "supplier:acme", usage="commercial")}
    assert titles == {"Snow mountain", "A red car", "Yellow sun", "Sea stone"}
    agree(http, media=["web"])
    assert find(http, "supplier:acme", usage="commercial", medium="print") == []
    titles = {item["title"] for item in find(http, "supplier:acme", usage="commercial", medium="web")}
    assert "Night <script>alert(1)</script>" in titles  # its licence is unknown, the agreement covers it
    for bad in ({"usage": "war"}, {"usage": "editorial", "territory": "China"}, {"medium": "web"}):
        assert http.get("/api/v1/search/images", params=bad).status_code == 422
    body = {"q": "supplier:acme", "usage": "commercial", "medium": "print"}
    assert http.post("/api/v1/search/images", json=body).json()["results"] == []


def test_two_managers_change_one_agreement(http: httpx.Client) -> None:
    made = agree(http, territories=["cn", "us"], ends=local_day().isoformat())
    assert made["territories"] == ["CN", "US"]
    listed = http.get(AGREEMENTS, params={"supplier": "acme"}).json()["results"]
    assert [(each["id"], each["ending"]) for each in listed] == [(made["id"], True)]
    body = {"title": "New", "revision": 1}
    assert http.put(f"{AGREEMENTS}/{made['id']}", json=body).status_code == 200
    assert http.put(f"{AGREEMENTS}/{made['id']}", json=body).json()["code"] == "changed_meanwhile"


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"supplier": "nosuch"}, "supplier_not_found"),
        ({"ends": "soon"}, "bad_day"),
        ({"territories": ["1x"]}, "bad_territory"),
        ({"starts": "2026-02-01", "ends": "2026-01-01"}, "bad_terms"),
        ({"media": ["tv"]}, "invalid_parameters"),
    ],
)
def test_terms_without_meaning(http: httpx.Client, terms: dict[str, Any], code: str) -> None:
    answer = http.post(AGREEMENTS, json={"supplier": "acme", "title": "Frame", **terms})
    assert answer.status_code in (404, 422)
    assert answer.json()["code"] == code
    assert http.get(AGREEMENTS).json()["total"] == 0


def test_unknown_grants_and_agreements(http: httpx.Client) -> None:
    for path in (f"{LICENSES}/nosuch", f"{LICENSES}/nosuch/file"):
        assert http.get(path).json()["code"] == "no_grant"
    assert http.delete(f"{AGREEMENTS}/nosuch").json()["code"] == "agreement_not_found"
    assert license_it(http, "nosuch").json()["code"] == "image_not_found"


def test_a_collection_leaves_as_a_zip_with_credits_and_what_was_refused(http: httpx.Client) -> None:
    collection = http.post("/api/v1/collections", json={"name": "one"}).json()["id"]
    path = f"/api/v1/collections/{collection}/export"
    empty = http.post(path, json={"purpose": "commercial"})
    assert (empty.status_code, empty.json()["code"]) == (422, "nothing_allowed")
    mountain, leaf = image(http, "Snow mountain")["id"], image(http, "Green leaf")["id"]
    http.post(f"/api/v1/collections/{collection}/items", json={"image_ids": [mountain, leaf]})
    answer = http.post(path, json={"purpose": "commercial", "size": "512", "format": "jpeg", "project": "春"})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["snow-mountain-512.jpg", "credits.txt", "not-included.csv"]
        assert "Ada Lin" in archive.read("credits.txt").decode("utf-8-sig")
        refused = archive.read("not-included.csv").decode("utf-8-sig")
        assert leaf in refused
        assert "use_not_allowed" in refused
        assert Image.open(io.BytesIO(archive.read("snow-mountain-512.jpg"))).size == (512, 341)
    history = http.get("/api/v1/downloads").json()["results"]
    assert [(each["image_id"], each["grant"]["project"]) for each in history] == [(mountain, "春")]
    assert not list(Path(tempfile.gettempdir()).glob("tusou-*.zip"))


def test_where_an_image_was_used(http: httpx.Client) -> None:
    mountain = image(http, "Snow mountain")["id"]
    path = f"/api/v1/images/{mountain}/uses"
    assert http.get(path).json() == {"projects": [], "collections": []}
    grant = license_it(http, mountain, project="春季号", medium="print").json()
    assert http.get(path).json()["projects"] == []  # nobody fetched it yet
    for _ in range(2):
        http.get(grant["download_location"])
    collection = http.post("/api/v1/collections", json={"name": "one"}).json()["id"]
    http.post(f"/api/v1/collections/{collection}/items", json={"image_ids": [mountain]})
    found = http.get(path).json()
    assert [(each["project"], each["medium"]) for each in found["projects"]] == [("春季号", "print")]
    assert found["collections"] == [{"id": collection, "name": "one"}]
    assert http.get("/api/v1/images/nosuch/uses").status_code == 404
