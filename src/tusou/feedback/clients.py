"""Who asked, without saying who: pseudonyms that change every day, and the ways not to be logged at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b

from tusou.feedback.records import DAY, LoggedQuery

CLIENT_COOKIE = "tusou_client"
"""A random number that lives as long as the browser's session; only its daily pseudonym is written."""

OPT_OUT_COOKIE = "tusou_feedback"
OPT_OUT = "off"


class Pseudonyms:
    """Turns what tells clients apart into pseudonyms; for one thread."""

    def __init__(self, salt: Callable[[int], bytes]) -> None:
        """Start without a salt.

        Args:
            salt: The salt of a day (days since 1970, UTC), the same in all processes that write one log, and
                destroyed a day later.
        """
        self._salt = salt
        self._kept: tuple[int, bytes] = (-1, b"")

    def hide(self, query: LoggedQuery) -> LoggedQuery:
        """The query with a pseudonym as its client."""
        if not query.client:
            return query
        return replace(query, client=self.of(query.client, query.timestamp // DAY))

    def of(self, token: str, day: int) -> str:
        """22 characters that stand for a client on one day: BLAKE2b of the token, keyed with the day's salt.

        Once the salt is destroyed nobody can tell, token in hand, which records were this client's, nor
        whether records of two days are one client's.
        """
        if self._kept[0] != day:
            self._kept = (day, self._salt(day))
        return blake2b(token.encode("utf-8", "replace"), key=self._kept[1], digest_size=11).hexdigest()


def has_opted_out(headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
    """Whether a request asks not to be logged: ``DNT: 1``, ``Sec-GPC: 1``, or the page's own cookie."""
    asked = headers.get("dnt") == "1" or headers.get("sec-gpc") == "1"
    return asked or cookies.get(OPT_OUT_COOKIE) == OPT_OUT
