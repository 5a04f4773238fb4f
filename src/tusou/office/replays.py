"""Answers that are given again when a request comes a second time under the same name."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from tusou.office.schema import replays
from tusou.office.store import Office

KEPT_SECONDS = 86_400.0
ABANDONED_SECONDS = 120.0
"""Age from which a request that never ended, because its server did, is taken for not done."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What is known of a named request.

    Attributes:
        request: Digest of its body.
        status: HTTP status of its answer; 0 while it is being worked on.
        kind: Content type of the answer.
        body: The answer.
    """

    request: str
    status: int
    kind: str
    body: bytes


class Replays:
    """The named requests of an office."""

    def __init__(self, office: Office) -> None:
        """Use an open office; it stays the caller's to close."""
        self._office = office

    def claim(self, name: str, request: str) -> Replay | None:
        """Begin a request, or say what is known of it; exactly one of several at once begins."""
        with self._office.changing("") as change:
            now, connection = change.at, change.connection
            old = (replays.c.at < now - KEPT_SECONDS) | (
                (replays.c.status == 0) & (replays.c.at < now - ABANDONED_SECONDS)
            )
            connection.execute(delete(replays).where(old))
            row = connection.execute(select(replays).where(replays.c.name == name)).mappings().first()
            if row is not None:
                return Replay(row["request"], row["status"], row["kind"], row["body"])
            connection.execute(
                insert(replays).values(name=name, request=request, status=0, kind="", body=b"", at=now)
            )
        return None

    def keep(self, name: str, status: int, kind: str, body: bytes) -> None:
        """Keep the answer of a request that was done."""
        with self._office.changing("") as change:
            values = {"status": status, "kind": kind, "body": body, "at": time.time()}
            change.connection.execute(update(replays).where(replays.c.name == name).values(**values))

    def forget(self, name: str) -> None:
        """Forget a request that was not done."""
        with self._office.changing("") as change:
            change.connection.execute(delete(replays).where(replays.c.name == name))
