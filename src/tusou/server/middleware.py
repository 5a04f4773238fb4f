"""What surrounds every request: its id, headers, time limit on size, and which names the server answers to.

Plain ASGI, so that answers stream and nothing is buffered twice.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import time
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tusou.server.metrics import Metrics
from tusou.server.problems import problem

logger = logging.getLogger(__name__)

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Sent with every answer, unless the route set its own value."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
JSON_BYTES = 1 << 20
FORM_SLACK = 64 << 10  # boundaries and the other fields of a multipart body


class RequestContext:
    """Give each request an id, time it, add the headers, and turn a surprise into a 500 with a code."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope, request_id)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:  # the outermost frame of a request: whatever it was, the caller gets an answer
            logger.exception("request %s failed", request_id)
            if not status:
                detail = "the server failed on this request; its log names the cause under the request's id"
                await problem(scope, 500, detail)(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, time.perf_counter() - started, request_id)

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        metrics: Metrics = scope["app"].state.tusou.metrics
        metrics.requests.labels(route, scope["method"], str(status)).observe(seconds)
        logger.info(
            "%s %s %d %.1f ms request_id=%s", scope["method"], route, status, seconds * 1000, request_id
        )


def _add_headers(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    headers["x-request-id"] = request_id
    if rate := scope.get("state", {}).get("rate"):
        headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"] = map(str, rate)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")


class HostCheck:
    """Answer only to known names, so that a web site cannot reach us through its own name (DNS rebinding).

    A bare IP address is always accepted: rebinding needs a name.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or self._known(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
            return
        detail = f"this server answers to {', '.join(sorted(self.hosts))}; add a name with --allow-host NAME"
        await problem(scope, 421, detail)(scope, receive, send)

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.hosts or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class SameSite:
    """Refuse requests that change or cost something when another site's page makes a browser send them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            site = Headers(scope=scope).get("sec-fetch-site", "none")
            if site not in ("none", "same-origin"):
                detail = f"requests from other sites are refused (Sec-Fetch-Site: {site})"
                await problem(scope, 403, detail, code="cross_site")(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimit:
    """Refuse bodies that are too large, by their announced length and by counting."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        form = headers.get("content-type", "").startswith("multipart/form-data")
        upload_bytes: int = scope["app"].state.tusou.library.config.max_upload_bytes
        limit = upload_bytes + FORM_SLACK if form else JSON_BYTES
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await problem(scope, 413, _too_large(limit))(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self.app(scope, counted, send)


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes; see /api/v1/limits"
