"""Who may call what: every route is in the table, roles and keys reach what they may and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from search_builders import World
from server_builder import build_world, serving
from tusou.office.accounts import PERMISSIONS, Accounts
from tusou.office.store import Office
from tusou.server.access import ACCESS, SESSION_COOKIE
from tusou.server.app import ROUTERS
from tusou.server.rate_limit import RateLimit

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = build_world(tmp_path_factory.mktemp("accounts"))
    office = Office(world.library.path)
    accounts = Accounts(office)
    for name, role in (("li", "admin"), ("wang", "searcher"), ("zhao", "manager")):
        accounts.add_user("root", name, PASSWORD, role)  # type: ignore[arg-type]
    office.close()
    yield world
    world.close()


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world) as (address, _):
        yield address


def client(address: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=30, trust_env=False, **options)


@contextmanager
def signed_in(address: str, name: str) -> Iterator[httpx.Client]:
    with client(address) as made:
        answer = made.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield made


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def test_every_route_is_in_the_table() -> None:
    names = {route.operation_id or route.name for route in routes()}
    assert names == set(ACCESS)


def test_without_signing_in_only_what_anybody_may_see(address: str) -> None:
    with client(address) as nobody:
        for route in routes():
            need = ACCESS[route.operation_id or route.name]
            path = route.path.replace("{", "").replace("}", "")
            for method in sorted(route.methods or ()):
                answer = nobody.request(method, path, json={} if method in ("POST", "PUT", "PATCH") else None)
                if need == "anybody":
                    assert answer.status_code not in (401, 303), path
                elif route.include_in_schema:
                    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_needed"), path
                else:
                    assert answer.status_code == 303
                    assert answer.headers["location"].startswith("/sign-in?next=%2F"), path


def test_a_searcher_searches_and_collects_but_answers_for_nothing(address: str) -> None:
    with signed_in(address, "wang") as wang:
        assert wang.get("/api/v1/session").json()["name"] == "wang"
        assert wang.get("/api/v1/search/images", params={"q": "snow"}).status_code == 200
        made = wang.post("/api/v1/collections", json={"name": "mine"}).json()
        assert made["owner"] == "wang"
        for method, path in [
            ("GET", "/api/v1/agreements"), ("GET", "/api/v1/users"), ("GET", "/api/v1/audit"),
            ("GET", "/api/v1/downloads"), ("GET", "/api/v1/judging/queries"), ("GET", "/metrics"),
        ]:  # fmt: skip
            answer = wang.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        page = wang.get("/")
        assert "wang" in page.text


def test_a_manager_sees_records_but_makes_no_accounts(address: str) -> None:
    with signed_in(address, "zhao") as zhao:
        assert zhao.get("/api/v1/agreements").status_code == 200
        assert zhao.get("/api/v1/audit").json()["results"][0]["action"] == "user.sign_in"
        assert (
            zhao.post("/api/v1/users", json={"name": "x", "password": PASSWORD, "role": "admin"}).status_code
            == 403
        )


def test_an_admin_makes_changes_and_shuts_out(address: str) -> None:
    with signed_in(address, "li") as li:
        body = {"name": "sun", "password": PASSWORD, "role": "reviewer", "title": "孙"}
        assert li.post("/api/v1/users", json=body).status_code == 201
        assert li.post("/api/v1/users", json=body).json()["code"] == "account_exists"
        with signed_in(address, "sun") as sun:
            assert sun.get("/api/v1/judging/queries").status_code == 200
            assert li.patch("/api/v1/users/sun", json={"disabled": True}).json()["disabled"]
            assert sun.get("/api/v1/judging/queries").status_code == 401
        last = li.patch("/api/v1/users/li", json={"role": "searcher"})
        assert (last.status_code, last.json()["code"]) == (422, "bad_account")


def test_a_key_does_what_it_may(address: str) -> None:
    with signed_in(address, "zhao") as zhao:
        made = zhao.post("/api/v1/keys", json={"note": "sync", "permissions": ["search"]}).json()
        beyond = zhao.post("/api/v1/keys", json={"note": "x", "permissions": ["accounts"]})
        assert (beyond.status_code, beyond.json()["code"]) == (403, "beyond_own_rights")
        assert "key" not in zhao.get("/api/v1/keys").json()["results"][0]
    for headers in ({"authorization": f"Bearer {made['key']}"}, {"x-api-key": made["key"]}):
        with client(address, headers=headers) as program:
            assert program.get("/api/v1/search/images", params={"q": "snow"}).status_code == 200
            assert program.get("/api/v1/collections").status_code == 403
    with client(address) as nobody:  # keys in addresses are not looked at
        assert (
            nobody.get("/api/v1/search/images", params={"q": "snow", "api_key": made["key"]}).status_code
            == 401
        )
    with signed_in(address, "wang") as wang:
        assert wang.delete(f"/api/v1/keys/{made['id']}").status_code == 404  # another's
    with signed_in(address, "li") as li:
        assert li.delete(f"/api/v1/keys/{made['id']}").status_code == 204
    with client(address, headers={"x-api-key": made["key"]}) as program:
        assert program.get("/api/v1/search/images", params={"q": "snow"}).status_code == 401


def test_the_cookie_of_a_session(address: str) -> None:
    with client(address) as browser:
        answer = browser.post("/api/v1/session", json={"name": "wang", "password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        secret = browser.cookies[SESSION_COOKIE]
        assert browser.delete("/api/v1/session").status_code == 204
    with client(address, cookies={SESSION_COOKIE: secret}) as thief:
        assert thief.get("/api/v1/collections").status_code == 401


def test_who_guesses_has_to_wait(world: World) -> None:
    with serving(world) as (address, _), client(address) as guesser:
        for _ in range(5):
            wrong = guesser.post("/api/v1/session", json={"name": "li", "password": "guess"})
            assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
        right = guesser.post("/api/v1/session", json={"name": "li", "password": PASSWORD})
        assert (right.status_code, right.json()["code"]) == (429, "too_many_tries")
        assert int(right.headers["retry-after"]) > 800


def test_the_first_account_turns_accounts_on(tmp_path: Path) -> None:
    world = build_world(tmp_path)
    with serving(world) as (address, _), client(address) as browser:
        assert browser.get("/api/v1/session").json() == {
            "name": "local", "role": "admin", "permissions": sorted(PERMISSIONS), "accounts": False,
        }  # fmt: skip
        no_keys = browser.post("/api/v1/keys", json={"note": "x", "permissions": ["search"]})
        assert (no_keys.status_code, no_keys.json()["code"]) == (403, "no_accounts")
        body = {"name": "li", "password": PASSWORD, "role": "admin"}
        assert browser.post("/api/v1/users", json=body).status_code == 201
        assert browser.get("/api/v1/collections").status_code == 401
    world.close()


def test_one_account_that_runs_wild_leaves_the_others_their_turn(tmp_path: Path) -> None:
    world = build_world(tmp_path)
    (world.library.path / "tusou.toml").write_text("rate_per_minute = 5\n")
    office = Office(world.library.path)
    for name in ("li", "wang"):
        Accounts(office).add_user("root", name, PASSWORD, "admin")
    office.close()
    with serving(world) as (address, _), signed_in(address, "li") as li, signed_in(address, "wang") as wang:
        answers = [li.get("/api/v1/limits") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[0].headers["x-ratelimit-limit"] == "5"
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == [
            "4",
            "3",
            "2",
            "1",
            "0",
            "0",
        ]
        assert answers[-1].json()["code"] == "too_many_requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 13
        assert wang.get("/api/v1/limits").status_code == 200
        assert li.get("/").status_code == 200  # pages and pictures are not counted
    world.close()


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("tusou.server.rate_limit.time.monotonic", lambda: now)
    limit = RateLimit(60)
    assert [limit.take("a")[0] for _ in range(61)] == [*range(59, -1, -1), -1]
    assert limit.take("a")[1] == pytest.approx(1.0)
    now += 2.5
    assert [limit.take("a")[0] for _ in range(3)] == [1, 0, -1]
    now += 3600
    assert limit.take("a")[0] == 59  # never more than a minute's worth
