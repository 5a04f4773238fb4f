"""Opaque cursors: where the next page starts, tied to the search it belongs to."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import replace

from tusou.errors import QueryError
from tusou.types import SearchRequest

LAYOUT = ">I8s"  # offset, digest of the search


def cursor_of(request: SearchRequest, offset: int) -> str:
    """Write the cursor of a search at which `offset` results have been read."""
    return base64.urlsafe_b64encode(struct.pack(LAYOUT, offset, _digest(request))).decode()


def offset_of(cursor: str, request: SearchRequest) -> int:
    """Read a cursor; the page size may differ from that of the page before.

    Raises:
        QueryError: It is no cursor, or that of another search.
    """
    try:
        offset, digest = struct.unpack(LAYOUT, base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, struct.error):
        raise QueryError("cursor must be a `next_cursor` this server returned", reason="bad_cursor") from None
    if digest != _digest(request):
        raise QueryError(
            "the cursor belongs to another search; keep every other parameter as it was", reason="bad_cursor"
        )
    return int(offset)


def _digest(request: SearchRequest) -> bytes:
    """What makes this search another one than others: all but the page and the form of the answer."""
    same = replace(request, offset=0, limit=1, explain=False, facets=False, lang="auto", image=None)
    digest = hashlib.blake2b(repr(same).encode("utf-8", "replace"), digest_size=8)
    digest.update(request.image or b"")
    return digest.digest()
