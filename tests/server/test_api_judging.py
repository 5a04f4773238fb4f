"""The judging routes and the page around them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server_builder import build_world, serving

JUDGING = "/api/v1/judging"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    world = build_world(tmp_path)
    with (
        serving(world) as (address, _),
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        yield client
    world.close()


def test_judging_from_the_first_picture_to_agreement(client: httpx.Client) -> None:
    assert client.get(f"{JUDGING}/agreement").json() == {"pairs": [], "kappa": None}
    batch = client.get(f"{JUDGING}/images", params={"q": "red", "judge": "li"}).json()
    assert batch["q"] == "red"
    ids = [image["id"] for image in batch["images"]]
    assert len(ids) >= 5
    assert set(batch["images"][0]) == {"id", "width", "height", "thumb_hash", "urls"}
    assert client.get(batch["images"][0]["urls"]["thumb"]).status_code == 200
    grades = {image_id: number % 4 for number, image_id in enumerate(ids)}
    for judge in ("li", "wu"):
        answer = client.post(f"{JUDGING}/grades", json={"q": "red", "judge": judge, "grades": grades})
        assert answer.json() == {"written": len(ids)}
    assert client.get(f"{JUDGING}/images", params={"q": "RED", "judge": "li"}).json()["images"] == []
    found = client.get(f"{JUDGING}/agreement").json()
    assert found == {"pairs": [{"judges": ["li", "wu"], "images": len(ids), "kappa": 1.0}], "kappa": 1.0}


def test_searches_of_people_are_offered_for_judging(client: httpx.Client) -> None:
    for _ in range(3):
        client.get("/api/v1/search/images", params={"q": "green leaf"})
    client.post(
        f"{JUDGING}/grades",
        json={
            "q": "red",
            "judge": "li",
            "grades": {
                client.get("/api/v1/search/images", params={"q": "red"}).json()["results"][0]["id"]: 3
            },
        },
    )
    for _ in range(50):
        needs = {need["q"]: need for need in client.get(f"{JUDGING}/queries").json()["queries"]}
        if needs.get("green leaf", {}).get("asked") == 3:
            break
        time.sleep(0.1)  # the log writes in groups
    assert needs["green leaf"]["asked"] == 3
    assert needs["green leaf"]["unjudged"] == needs["green leaf"]["shown"] > 0
    assert needs["red"]["judges"] == {"li": 1}
    assert needs["red"]["unjudged"] == needs["red"]["shown"] - 1


def test_an_unknown_image_keeps_nothing(client: httpx.Client) -> None:
    known = client.get("/api/v1/search/images", params={"q": "red"}).json()["results"][0]["id"]
    answer = client.post(
        f"{JUDGING}/grades", json={"q": "red", "judge": "li", "grades": {known: 3, "nosuch": 1}}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "unknown_image"
    assert "nosuch" in answer.json()["detail"]
    assert client.get(f"{JUDGING}/agreement").json()["pairs"] == []
    assert "red" not in {
        need["q"] for need in client.get(f"{JUDGING}/queries").json()["queries"] if need["judges"]
    }


@pytest.mark.parametrize(
    "body",
    [
        {"q": "red", "judge": "li", "grades": {}},
        {"q": "red", "judge": "li", "grades": {"a": 4}},
        {"q": "red", "judge": "li", "grades": {"a": "3"}},
        {"q": "red", "judge": "li", "grades": {"a": True}},
        {"q": "", "judge": "li", "grades": {"a": 1}},
        {"q": "red", "judge": "", "grades": {"a": 1}},
        {"q": "red", "judge": " ", "grades": {"a": 1}},
        {"q": "red", "grades": {"a": 1}},
    ],
)
def test_bad_grades_are_refused(client: httpx.Client, body: dict[str, object]) -> None:
    assert client.post(f"{JUDGING}/grades", json=body).status_code == 422


def test_other_sites_cannot_judge(client: httpx.Client) -> None:
    answer = client.post(
        f"{JUDGING}/grades",
        json={"q": "red", "judge": "li", "grades": {"a": 1}},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(("lang", "title"), [("en", "Judge searches"), ("zh", "评判搜索结果")])
def test_the_page_in_both_languages(client: httpx.Client, lang: str, title: str) -> None:
    page = client.get("/judge", params={"lang": lang})
    assert page.status_code == 200
    assert f"<h1>{title}</h1>" in page.text
    assert (
        "default-src 'none'" in page.headers["content-security-policy"]
        or page.headers["content-security-policy"]
    )
    assert " style=" not in page.text
