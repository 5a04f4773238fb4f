"""Who may call what: one table of all routes, asked before every request.

Where a library has no accounts, the server listens on this machine alone and everybody may do everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import Request
from starlette.exceptions import HTTPException

from tusou.errors import NotAllowed
from tusou.office.accounts import PERMISSIONS, Account, Permission
from tusou.server.actor import LOCAL
from tusou.server.state import ServerState, state_of

SESSION_COOKIE = "tusou_session"
API = "/api/"
Need = Permission | Literal["anybody", "somebody"]
"""A permission; ``somebody``: whoever is signed in; ``anybody``: no account needed."""

ACCESS: Mapping[str, Need] = {
    # what shows no image, or only to whoever has an unguessable address
    "livez": "anybody", "healthz": "anybody", "readyz": "anybody", "sign_in_page": "anybody",
    "sign_in": "anybody", "sign_out": "anybody", "who_am_i": "anybody", "get_shared": "anybody",
    "shared_page": "anybody", "get_thumbnail": "anybody",
    # searching
    "page": "search", "search_images": "search", "search_images_with_filters": "search",
    "search_images_by_image": "search", "suggest": "search", "related_searches": "search",
    "list_updated": "search", "get_image": "search", "similar_images": "search", "get_preview": "search",
    "report_events": "search", "iiif_base": "search", "iiif_info": "search", "iiif_image": "search",
    "list_suppliers": "search", "list_licenses": "search", "get_limits": "search", "check_use": "search",
    # collecting
    "all_collections": "collect", "one_collection": "collect", "list_collections": "collect",
    "create_collection": "collect", "list_uses": "collect", "get_collection": "collect",
    "change_collection": "collect",
    "delete_collection": "collect", "add_to_collection": "collect", "take_from_collection": "collect",
    "order_collection": "collect", "list_comments": "collect", "comment": "collect",
    "delete_comment": "collect", "list_shares": "collect", "share_collection": "collect",
    "end_share": "collect", "contact_sheet": "collect",
    "list_saved_searches": "collect", "save_search": "collect", "see_saved_search": "collect",
    "delete_saved_search": "collect",
    # licensing
    "get_comp": "license",
    "license_image": "license", "get_license": "license", "download_file": "license",
    "get_original": "license", "export_collection": "license",
    # sending in and letting in
    "list_submissions": "contribute", "submit_image": "contribute", "describe_submission": "contribute",
    "get_submission_thumbnail": "contribute", "upload_page": "contribute", "decide_submission": "review",
    # judging
    "judge_page": "judge", "list_judging_needs": "judge", "next_judging_images": "judge",
    "report_grades": "judge", "show_agreement": "judge",
    # answering for rights
    "list_agreements": "rights", "create_agreement": "rights", "amend_agreement": "rights",
    "delete_agreement": "rights",
    "list_downloads": "records", "export_downloads": "records", "list_audit": "records", "metrics": "records",
    # steering and knowing
    "list_rules": "rights", "add_rule": "rights", "remove_rule": "rights",
    "show_dashboard": "records", "show_supplier_health": "records", "manage_page": "records",
    # keys are one's own; accounts are the admin's
    "list_keys": "somebody", "make_key": "somebody", "end_key": "somebody",
    "list_users": "accounts", "add_user": "accounts", "change_user": "accounts",
}  # fmt: skip
"""Operation id, or name of the function of a page, to what its caller needs."""

EVERYBODY = Account(LOCAL, "admin", frozenset(PERMISSIONS))
NOBODY = Account("", "searcher", frozenset())


async def authorize(request: Request) -> None:
    """Find out who sends a request, and refuse it when that is not allowed.

    Raises:
        HTTPException: 401, nobody is signed in; 303 to where one signs in, for a page; 429, too fast.
        NotAllowed: The account may not do this (``forbidden``).
    """
    state = state_of(request)
    account = EVERYBODY
    if state.has_accounts():
        account = await anyio.to_thread.run_sync(account_of, request, state)
    request.state.account = account
    need = need_of(request)
    if need == "anybody":
        return
    if account is NOBODY:
        raise _sign_in_first(request)
    if account is not EVERYBODY and request.url.path.startswith(API):
        _count(request, state, account)
    if need != "somebody" and not account.may(need):
        raise NotAllowed(
            f"{account.name} may not do this: it needs the permission {need!r}; ask an admin",
            reason="forbidden",
        )


def _count(request: Request, state: ServerState, account: Account) -> None:
    """Count a request of an account against its limit; pictures are not counted, a page shows dozens.

    Raises:
        HTTPException: 429, it is one too many.
    """
    if not state.rates.per_minute:
        return
    left, wait = state.rates.take(account.name)
    request.state.rate = (state.rates.per_minute, max(left, 0))
    if left < 0:
        detail = (
            f"more than {state.rates.per_minute} requests a minute (setting rate_per_minute); wait a moment"
        )
        raise HTTPException(429, detail, {"retry-after": str(int(wait) + 1)})


def need_of(request: Request) -> Need:
    """What the route of a request needs; one that is not listed needs an admin."""
    route = request.scope["route"]
    return ACCESS.get(route.operation_id or route.name, "accounts")


def _sign_in_first(request: Request) -> HTTPException:
    if request.scope["route"].include_in_schema:
        detail = "sign in, or send a key as `Authorization: Bearer …`"
        return HTTPException(401, detail, {"www-authenticate": "Bearer"})
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return HTTPException(303, "sign in first", {"location": f"/sign-in?{urlencode({'next': here})}"})


def account_of(request: Request, state: ServerState) -> Account:
    """Who sends a request, by key or by session; never by anything in the address."""
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    key = credentials if kind.lower() == "bearer" else request.headers.get("x-api-key", "")
    if key:
        return state.accounts.of_key(key.strip()) or NOBODY
    secret = request.cookies.get(SESSION_COOKIE, "")
    return (state.accounts.of_session(secret) if secret else None) or NOBODY
