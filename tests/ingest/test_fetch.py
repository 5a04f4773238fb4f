"""The guarded fetcher against real local servers and a resolver that lies."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tusou.errors import FetchError
from tusou.ingest.addresses import is_public, system_resolver
from tusou.ingest.fetch import FetchLimits, fetch

LIMITS = FetchLimits(max_bytes=10_000, seconds=5.0, redirects=3)


class Handler(BaseHTTPRequestHandler):
    """Answers by path, well or badly."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]] = []  # noqa: RUF012 - one list for all requests

    def do_GET(self) -> None:
        Handler.seen.append((self.path, self.headers["Host"]))
        name = self.path.partition("?")[0].strip("/").split("/")[0] or "ok"
        getattr(self, f"do_{name}", self.do_missing)()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        fields = {"Content_Length": str(len(body)), "Content_Type": "Image/JPEG; charset=x", **headers}
        for key, value in fields.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, target: str) -> None:
        self.answer(b"moved", 302, Location=target)

    def do_ok(self) -> None:
        self.answer(b"picture")

    def do_missing(self) -> None:
        self.answer(b"no such thing", 404)

    def do_once(self) -> None:
        self.redirect("/ok")

    def do_loop(self) -> None:
        self.redirect(self.path + "/x")

    def do_to(self) -> None:
        self.redirect(self.path.partition("?")[2])

    def do_announced(self) -> None:
        self.answer(b"x", Content_Length="10001")

    def do_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 4096)

    def do_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def do_short(self) -> None:
        self.answer(b"half", Content_Length="100")
        self.close_connection = True

    def do_gzip(self) -> None:
        self.answer(gzip.compress(b"zipped"), Content_Encoding="gzip")

    def do_bomb(self) -> None:
        self.answer(gzip.compress(bytes(1_000_000)), Content_Encoding="gzip")

    def do_cut(self) -> None:
        self.answer(gzip.compress(bytes(range(256)))[:-9], Content_Encoding="gzip")

    def do_garbled(self) -> None:
        self.answer(b"not gzip", Content_Encoding="gzip")

    def do_brotli(self) -> None:
        self.answer(b"?", Content_Encoding="br")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def get(port: int, path: str, limits: FetchLimits = LIMITS) -> bytes:
    return fetch(f"http://127.0.0.1:{port}{path}", limits, allow={("127.0.0.1", port)}).data


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(FetchError) as caught:
        call()
    return caught.value.reason


def test_a_body_with_its_type_and_final_url(port: int) -> None:
    answer = fetch(f"http://127.0.0.1:{port}/once#part", LIMITS, allow={("127.0.0.1", port)})
    assert answer.data == b"picture"
    assert answer.content_type == "image/jpeg"
    assert answer.final_url == f"http://127.0.0.1:{port}/ok"


def test_unicode_in_a_path_is_quoted(port: int) -> None:
    assert get(port, "/ok/雪 山.jpg?q=猫&r=%20") == b"picture"
    assert Handler.seen[-1][0] == "/ok/%E9%9B%AA%20%E5%B1%B1.jpg?q=%E7%8C%AB&r=%20"


def test_compressed_bodies_are_unpacked(port: int) -> None:
    assert get(port, "/gzip") == b"zipped"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "bad_status"),
        ("/loop", "too_many_redirects"),
        ("/to?file:///etc/passwd", "bad_url"),
        ("/to?ftp://example.org/x", "bad_url"),
        ("/to?http://127.0.0.1:22/", "port_not_allowed"),
        ("/to?http://127.0.0.1/", "private_address"),
        ("/to?http://169.254.169.254/latest/meta-data/", "private_address"),
        ("/to?//10.0.0.1/", "private_address"),
        ("/announced", "too_large"),
        ("/endless", "too_large"),
        ("/short", "incomplete"),
        ("/bomb", "too_large"),
        ("/cut", "incomplete"),
        ("/garbled", "bad_response"),
        ("/brotli", "unsupported_encoding"),
    ],
)
def test_bad_answers_have_a_reason(port: int, path: str, reason: str) -> None:
    assert reason_of(lambda: get(port, path)) == reason


def test_a_slow_drip_ends_with_the_deadline(port: int) -> None:
    """Each byte comes in time, all of them do not."""
    began = time.monotonic()
    assert reason_of(lambda: get(port, "/drip", FetchLimits(seconds=0.5))) == "timeout"
    assert time.monotonic() - began < 10


def test_a_body_of_exactly_the_limit_is_taken(port: int) -> None:
    assert get(port, "/ok", FetchLimits(max_bytes=7)) == b"picture"
    assert reason_of(lambda: get(port, "/ok", FetchLimits(max_bytes=6))) == "too_large"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "169.254.169.254",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "localhost",
        "１２７.０.０.１",
        "①②⑦.⓪.⓪.①",
    ],
)
def test_private_hosts_are_refused_before_a_connection(host: str) -> None:
    assert reason_of(lambda: fetch(f"http://{host}/", LIMITS)) in ("private_address", "unresolvable")


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_one_private_answer_among_public_ones_is_enough() -> None:
    def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    assert reason_of(lambda: fetch("http://two.example/", LIMITS, resolve=resolve)) == "private_address"


def test_a_name_that_changes_its_answer_gains_nothing() -> None:
    """DNS rebinding: public when checked, private when asked again. There is no second question."""
    answers = iter([["192.0.2.1"], ["127.0.0.1"]])

    def resolve(host: str, port: int) -> list[str]:
        return next(answers)

    assert reason_of(lambda: fetch("http://rebind.example/", LIMITS, resolve=resolve)) == "private_address"
    assert list(answers) == [["127.0.0.1"]]


def test_the_name_stays_in_the_host_header(port: int) -> None:
    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "xn--bcher-kva.example" else []

    url = f"http://bücher.example:{port}/ok"
    fetch(url, LIMITS, allow={("xn--bcher-kva.example", port)}, resolve=resolve)
    assert Handler.seen[-1] == ("/ok", f"xn--bcher-kva.example:{port}")


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that speaks whatever serve says to one client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            client, _ = listener.accept()
            with client:
                serve(client)

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_tls_asks_for_the_name_not_the_address() -> None:
    hello: list[bytes] = []

    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with raw_server(lambda client: hello.append(client.recv(4096))) as port:
        url, allow = f"https://photos.example:{port}/", {("photos.example", port)}
        assert reason_of(lambda: fetch(url, LIMITS, allow=allow, resolve=resolve)) == "unreachable"
    assert b"photos.example" in hello[0]


def test_something_that_is_not_http() -> None:
    with raw_server(lambda client: client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")) as port:
        assert reason_of(lambda: get(port, "/")) in ("bad_response", "incomplete")


def test_a_server_that_says_nothing() -> None:
    with raw_server(lambda _: time.sleep(0.6)) as port:
        assert reason_of(lambda: get(port, "/", FetchLimits(seconds=0.3))) == "timeout"


def test_a_port_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert reason_of(lambda: get(port, "/")) == "unreachable"


def test_a_resolver_that_never_answers_is_not_waited_for() -> None:
    def resolve(host: str, port: int) -> list[str]:
        time.sleep(5)
        return []

    limits = FetchLimits(seconds=0.2)
    assert reason_of(lambda: fetch("http://slow.example/", limits, resolve=resolve)) == "timeout"


def test_a_name_without_an_address() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror("unknown name")

    assert reason_of(lambda: fetch("http://none.example/", LIMITS, resolve=resolve)) == "unresolvable"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photo.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AA",
        "gopher://example.org/",
        "http://",
        "http:///path",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org:99999/",
        "http://[::1/",
        "http://" + "a" * 300 + ".example/",
        "http://example.org/" + "a" * 5000,
    ],
)
def test_bad_urls_are_refused_without_a_request(url: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("asked for an address")

    assert reason_of(lambda: fetch(url, LIMITS, resolve=resolve)) == "bad_url"


@pytest.mark.parametrize("port", [22, 8080, 6379])
def test_other_ports_are_refused(port: int) -> None:
    assert reason_of(lambda: fetch(f"http://example.org:{port}/", LIMITS)) == "port_not_allowed"


def test_proxies_of_the_environment_are_ignored(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert get(port, "/ok") == b"picture"


def test_the_system_resolver_gives_addresses() -> None:
    assert "127.0.0.1" in system_resolver("127.0.0.1", 80)
