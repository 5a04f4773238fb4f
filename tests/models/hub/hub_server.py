"""A hub on this machine: the public one's addresses, headers, redirects and ranges, and faults on demand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 10_000
"""Bytes from which a file counts as large: its digest is SHA-256 and it lies in a store of its own."""


@dataclass
class Hub:
    """Repositories by name, each a table of files; and what to do wrong.

    Attributes:
        repositories: Contents by repository and path.
        breaks: Number of downloads that break off half way.
        answers: Status codes of the next requests, before the hub behaves.
        etags: ETags to announce instead of the true ones, by path.
        sizes: Sizes to announce instead of the true ones, by path.
        ignore_ranges: Whether it sends everything whatever was asked.
        requests: What was asked: method, path and range.
    """

    repositories: dict[str, dict[str, bytes]]
    breaks: int = 0
    answers: list[int] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    ignore_ranges: bool = False
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    address: str = ""

    def __enter__(self) -> Hub:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def downloads(self, name: str) -> list[str]:
        """Ranges asked for when a file was fetched."""
        return [wanted for method, path, wanted in self.requests if method == "GET" and path.endswith(name)]


def etag_of(content: bytes) -> str:
    """What the hub calls a file: SHA-256 when large, Git's object name when small."""
    if len(content) >= LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub = self.hub
        hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
        if hub.answers:
            return self._send(hub.answers.pop(0), {})
        stored = self.path.startswith("/store/")
        repository, _, rest = self.path.removeprefix("/store").lstrip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        content = hub.repositories.get(repository, {}).get(name)
        if content is None or revision not in ("main", COMMIT):
            return self._send(404, {"X-Error-Code": "EntryNotFound"})
        etag = hub.etags.get(name, etag_of(content))
        if len(content) >= LARGE and not stored:
            described = {
                "X-Linked-Size": str(hub.sizes.get(name, len(content))),
                "X-Linked-Etag": f'"{etag}"',
                "ETag": '"of the pointer"',
                "Location": f"/store{self.path}",
            }
            return self._send(302, {"X-Repo-Commit": COMMIT, **described})
        return self._send_file(content, {"X-Repo-Commit": COMMIT, "ETag": f'W/"{etag}"'})

    def _send_file(self, content: bytes, headers: Mapping[str, str]) -> None:
        wanted = "" if self.hub.ignore_ranges else self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        body = content[start:]
        self._send(206 if start else 200, headers, body, breaks=len(content) >= LARGE)

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes = b"", *, breaks: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if breaks and self.hub.breaks:
            self.hub.breaks -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)
