"""Sending images in and letting them in, over HTTP."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import striped
from search_builders import BLUE, GREEN, RED, World, jpeg, png, textured
from server_builder import PICTURES, build_world, serving
from tusou.office.accounts import Accounts
from tusou.office.store import Office

SUBMISSIONS = "/api/v1/submissions"
PASSWORD = "correct horse battery"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    for n in range(3):
        world.add(
            striped({RED: 40, GREEN: n + 3}),
            item_id=f"red{n}",
            keywords_en=("red", "stripe"),
            keywords_zh=("红色",),
        )
    yield world
    world.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with serving(world) as (address, _):
        yield address


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        yield client


def send(
    http: httpx.Client, data: bytes, name: str = "my picture.png", supplier: str = "acme"
) -> httpx.Response:
    return http.post(SUBMISSIONS, data={"supplier": supplier}, files={"file": (name, data)})


@pytest.fixture
def ingested(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was ingested; the test library has another model than the command would use."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        folder = Path(command[4])
        commands.append(
            [
                *command[5:],
                (folder / "image.json").read_text("utf-8"),
                *(p.name for p in sorted(folder.iterdir())),
            ]
        )
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("tusou.server.uploads.subprocess.run", run)
    return commands


def test_checked_described_and_let_in(http: httpx.Client, world: World, ingested: list[list[str]]) -> None:
    made = send(http, png(striped({RED: 40, BLUE: 5}))).json()
    assert (made["status"], made["format"], made["who"]) == ("submitted", "png", "local")
    assert made["checks"]["suggestions"]["en"][0]["keyword"] in ("red", "stripe")
    assert made["checks"]["suggestions"]["zh"][0]["keyword"] == "红色"
    assert 0 < made["checks"]["suggestions"]["zh"][0]["share"] <= 1
    assert http.get(made["thumb"]).headers["content-type"] == "image/jpeg"
    fields = {"title_zh": "红条", "keywords_zh": "红色，条纹", "license": "CC BY 4.0"}
    described = http.put(f"{SUBMISSIONS}/{made['id']}", json={"revision": 1, "fields": fields}).json()
    assert described["fields"]["license"] == "CC-BY-4.0"
    decided = http.post(
        f"{SUBMISSIONS}/{made['id']}/decision", json={"revision": 2, "status": "approved"}
    ).json()
    assert decided["status"] == "approved"
    assert decided["image_id"]
    (command,) = ingested
    assert "红条" in command[-3]
    assert '"条纹"' in command[-3]
    assert command[-1] == "image.png"
    assert list((world.library.path / "uploads").iterdir()) == []
    late = http.post(
        f"{SUBMISSIONS}/{made['id']}/decision", json={"revision": 4, "status": "rejected", "reason": "x"}
    )
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")


def test_turned_down_with_a_reason(http: httpx.Client, ingested: list[list[str]]) -> None:
    made = send(http, png(textured(99))).json()
    path = f"{SUBMISSIONS}/{made['id']}/decision"
    assert http.post(path, json={"revision": 1, "status": "rejected"}).json()["code"] == "reason_needed"
    decided = http.post(path, json={"revision": 1, "status": "rejected", "reason": "模糊"}).json()
    assert (decided["reason"], decided["thumb"]) == ("模糊", "")
    assert http.get(f"{SUBMISSIONS}/{made['id']}/thumbnail").status_code == 404
    assert ingested == []
    assert [
        each["id"] for each in http.get(SUBMISSIONS, params={"status": "rejected"}).json()["results"]
    ] == [made["id"]]


def test_what_is_here_already(http: httpx.Client) -> None:
    equal = send(http, png(PICTURES[0][0]))
    assert (equal.status_code, equal.json()["code"]) == (409, "image_exists")
    copy = send(http, jpeg(textured(3, 80, 110), quality=70)).json()
    assert copy["checks"]["copies"][0]["likeness"] > 0.9
    assert copy["checks"]["copies"][0]["equal"] is False
    again = send(http, jpeg(textured(3, 80, 110), quality=70))
    assert (again.status_code, again.json()["code"]) == (409, "image_waits")


@pytest.mark.parametrize(
    ("data", "supplier", "status", "code"),
    [
        (b"this is no picture at all", "acme", 415, "not_an_image"),
        (b"", "acme", 422, "empty_file"),
        (png(striped({BLUE: 9}))[:60], "acme", 422, "truncated"),
        (png(striped({BLUE: 9})), "nosuch", 404, "supplier_not_found"),
    ],
)
def test_what_cannot_be_taken(http: httpx.Client, data: bytes, supplier: str, status: int, code: str) -> None:
    answer = send(http, data, supplier=supplier)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert http.get(SUBMISSIONS).json()["results"] == []


def test_a_failed_ingest_leaves_it_in_review(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = send(http, png(textured(98))).json()
    for said, status, code in (
        ("tusou: another process … [library_locked]", 503, "library_locked"),
        ("tusou: no [no]", 422, "ingest_refused"),
    ):
        failed = subprocess.CompletedProcess([], 1, "", said)
        monkeypatch.setattr("tusou.server.uploads.subprocess.run", lambda *_, failed=failed, **__: failed)
        found = http.get(SUBMISSIONS).json()["results"][0]
        answer = http.post(
            f"{SUBMISSIONS}/{made['id']}/decision", json={"revision": found["revision"], "status": "approved"}
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert http.get(SUBMISSIONS).json()["results"][0]["status"] == "in_review"
    assert http.get(made["thumb"]).status_code == 200  # nothing was lost


def test_two_reviewers_and_strange_fields(http: httpx.Client, ingested: list[list[str]]) -> None:
    made = send(http, png(textured(97))).json()
    path = f"{SUBMISSIONS}/{made['id']}"
    assert (
        http.put(path, json={"revision": 1, "fields": {"license": "Nonsense 3"}}).json()["code"]
        == "unknown_license"
    )
    assert http.put(path, json={"revision": 1, "fields": {"nosuch": "x"}}).status_code == 422
    assert http.put(path, json={"revision": 1, "fields": {"title_en": "A"}}).status_code == 200
    assert http.put(path, json={"revision": 1, "fields": {"title_en": "B"}}).status_code == 409
    stale = http.post(f"{path}/decision", json={"revision": 1, "status": "approved"})
    assert stale.status_code == 409
    assert ingested == []
    assert http.get(f"{SUBMISSIONS}/nosuch/thumbnail").json()["code"] == "submission_not_found"


def test_contributors_see_their_own_alone(world: World, address: str) -> None:
    office = Office(world.library.path)
    for name, role in (
        ("li", "admin"),
        ("wang", "contributor"),
        ("zhao", "contributor"),
        ("sun", "reviewer"),
    ):
        Accounts(office).add_user("root", name, PASSWORD, role)  # type: ignore[arg-type]
    office.close()
    clients = {}
    for name in ("wang", "zhao", "sun"):
        clients[name] = httpx.Client(base_url=address, timeout=30, trust_env=False)
        clients[name].post("/api/v1/session", json={"name": name, "password": PASSWORD})
    made = send(clients["wang"], png(textured(96))).json()
    assert clients["zhao"].get(SUBMISSIONS).json()["results"] == []
    assert clients["zhao"].get(made["thumb"]).status_code == 404
    assert (
        clients["wang"]
        .post(f"{SUBMISSIONS}/{made['id']}/decision", json={"revision": 1, "status": "approved"})
        .status_code
        == 403
    )
    assert len(clients["sun"].get(SUBMISSIONS).json()["results"]) == 1
    for client in clients.values():
        client.close()
