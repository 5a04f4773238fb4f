"""Requests that may be sent again: named with ``Idempotency-Key``, they are done once.

The first answer is kept for a day in the office file, so that it survives a restart. Only what was done is
kept: a refused request may be tried again.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tusou.office.replays import Replay, Replays
from tusou.server.problems import problem

HEADER, REPLAYED = "idempotency-key", "idempotency-replayed"
KEY = re.compile(r"[\x21-\x7e]{1,100}")
LARGEST_KEPT = 256 << 10
"""Bytes of an answer that is kept; answers to requests that change something are far smaller."""

WHO = ("authorization", "x-api-key", "cookie")


class Idempotency:
    """Answers a POST that was done already with what it was answered then."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or scope["method"] != "POST" or HEADER not in headers:
            await self.app(scope, receive, send)
            return
        if not KEY.fullmatch(headers[HEADER]):
            detail = (
                "Idempotency-Key must be 1 to 100 visible ASCII characters, a new random one for each deed"
            )
            await problem(scope, 422, detail, code="bad_idempotency_key")(scope, receive, send)
            return
        try:
            body, replayed = await _body(receive)
        except HTTPException as error:  # larger than the limit
            await problem(scope, error.status_code, error.detail)(scope, receive, send)
            return
        replays: Replays = scope["app"].state.tusou.replays
        name = _digest(scope["path"], headers[HEADER], *(headers.get(each, "") for each in WHO))
        known = await anyio.to_thread.run_sync(replays.claim, name, hashlib.sha256(body).hexdigest())
        if known is not None:
            await _answer_again(known, hashlib.sha256(body).hexdigest(), scope, receive, send)
            return
        await self._do(replays, name, scope, replayed, send)

    async def _do(self, replays: Replays, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request be done, and keep its answer when it was."""
        status, kind, parts, size, kept = 0, "", [], 0, False

        async def noted(message: Message) -> None:
            nonlocal status, kind, size, kept
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = Headers(raw=message["headers"]).get("content-type", "")
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
                if size <= LARGEST_KEPT:
                    parts.append(message.get("body", b""))
                if not message.get("more_body") and 200 <= status < 300 and size <= LARGEST_KEPT:
                    kept = True  # before its end is sent: whoever asks again at once must find it
                    await anyio.to_thread.run_sync(replays.keep, name, status, kind, b"".join(parts))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            if not kept:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(replays.forget, name)


async def _answer_again(known: Replay, digest: str, scope: Scope, receive: Receive, send: Send) -> None:
    if known.request != digest:
        detail = "this Idempotency-Key was used for another request; take a new one for each deed"
        await problem(scope, 422, detail, code="idempotency_mismatch")(scope, receive, send)
    elif known.status == 0:
        detail = "the first request with this Idempotency-Key is still being worked on; try again in a moment"
        await problem(scope, 409, detail, code="in_progress")(scope, receive, send)
    else:
        headers = [(b"content-type", known.kind.encode()), (REPLAYED.encode(), b"true")]
        await send({"type": "http.response.start", "status": known.status, "headers": headers})
        await send({"type": "http.response.body", "body": known.body})


async def _body(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and a way to read it once more. Its size is limited before it comes here."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False) and message["type"] == "http.request"
    whole = b"".join(parts)
    given = False

    async def again() -> dict[str, Any]:
        nonlocal given
        if given:
            return dict(await receive())
        given = True
        return {"type": "http.request", "body": whole, "more_body": False}

    return whole, again


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
