"""Who acts: the name that stands in collections, grants, downloads and the audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

LOCAL = "local"
"""Everybody who reaches a server without accounts, which listens on this machine alone."""


def actor_of() -> str:
    """The name of who sent a request."""
    return LOCAL


Actor = Annotated[str, Depends(actor_of)]
