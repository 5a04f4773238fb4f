"""What surrounds every request: headers, names, sizes, other sites."""

from __future__ import annotations

import socket

import httpx
import pytest

from tusou.server.middleware import HostCheck
from tusou.server.state import ServerState

SEARCH = "/api/v1/search/images"
BY_IMAGE = "/api/v1/search/images/by-image"


@pytest.mark.parametrize("path", ["/", "/nosuch", SEARCH, "/static/css/base.css", "/metrics"])
def test_security_headers_are_everywhere(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "data:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_cache_headers(http: httpx.Client) -> None:
    assert http.get(SEARCH).headers["cache-control"] == "no-store"
    script = http.get("/static/js/main.js")
    assert script.headers["cache-control"] == "no-cache"
    assert script.headers["content-type"].startswith("text/javascript")
    again = http.get("/static/js/main.js", headers={"if-none-match": script.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("given", ["a" * 65, "line\tbreak", "", "<b>"])
def test_a_strange_request_id_is_replaced(http: httpx.Client, given: str) -> None:
    assert http.get("/livez", headers={"x-request-id": given}).headers["x-request-id"] != given


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a b", "[::1", "127.0.0.1.nip.io"]
)
def test_unknown_hosts_are_refused(http: httpx.Client, host: str) -> None:
    answer = http.get("/livez", headers={"host": host})
    assert answer.status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost:1234", "LOCALHOST", "127.0.0.1", "[::1]:80", "192.168.7.4:8321"])
def test_own_names_and_bare_addresses_are_served(http: httpx.Client, host: str) -> None:
    assert http.get("/livez", headers={"host": host}).status_code == 200


def test_a_name_can_be_added() -> None:
    async def app(*_: object) -> None: ...

    assert HostCheck(app, ["Pictures.Example"])._known("pictures.example:8321")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_posts_of_other_sites_are_refused(http: httpx.Client, site: str) -> None:
    answer = http.post(SEARCH, json={}, headers={"sec-fetch-site": site})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert http.post(SEARCH, json={}, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_large_bodies_are_refused_before_they_come(http: httpx.Client, state: ServerState) -> None:
    """The client announces a body and waits; the answer comes without a byte of it."""
    length = state.library.config.max_upload_bytes * 2
    with socket.create_connection((http.base_url.host, http.base_url.port or 80), 10) as connection:
        connection.sendall(
            f"POST {BY_IMAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_large_bodies_without_a_length_are_refused(http: httpx.Client) -> None:
    chunks = (b"x" * 65_536 for _ in range(40))
    answer = http.post(SEARCH, content=chunks, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
