"""Who acts: the name that stands in collections, grants, downloads and the audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from tusou.office.accounts import Account

LOCAL = "local"
"""Everybody who reaches a server without accounts, which listens on this machine alone."""


def account(request: Request) -> Account:
    """Who sent a request; ``access.authorize`` has found out."""
    found: Account = request.state.account
    return found


def actor_of(request: Request) -> str:
    """The name of who sent a request."""
    return account(request).name


Actor = Annotated[str, Depends(actor_of)]
Asking = Annotated[Account, Depends(account)]
