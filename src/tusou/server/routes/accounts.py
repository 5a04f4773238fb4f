"""Signing in and out, keys, accounts, and the audit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tusou.errors import NotAllowed, NotHere
from tusou.office.accounts import (
    KEY_DAYS,
    LONGEST_KEY_DAYS,
    LONGEST_PASSWORD,
    SESSION_LONGEST,
    Account,
    Key,
    Permission,
    Role,
    User,
)
from tusou.office.store import AuditEntry
from tusou.server.access import NOBODY, SESSION_COOKIE
from tusou.server.actor import Actor, Asking
from tusou.server.json_values import number_only, truth_only
from tusou.server.locales import LOCALES
from tusou.server.moments import iso
from tusou.server.parameters import language
from tusou.server.problems import problem, responses
from tusou.server.routes.images import Lang
from tusou.server.routes.pages import templates
from tusou.server.routes.search import AcceptLanguage
from tusou.server.state import ServerState, State

router = APIRouter(prefix="/api/v1", tags=["accounts"])
pages = APIRouter(include_in_schema=False)

CHANGING = responses(400, 403, 404, 409, 413, 422, 503, 507)

UserName = Annotated[str, Path(min_length=1, max_length=64, description="`name` of an account.")]
KeyId = Annotated[str, Path(min_length=1, max_length=64, description="`id` of a key.")]


class SignInBody(BaseModel):
    """Body of `POST /session`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=LONGEST_PASSWORD)


class Me(BaseModel):
    """Who is asking."""

    name: str = Field(description="Empty when nobody is signed in.")
    role: Role
    permissions: list[Permission]
    accounts: bool = Field(description="The library has accounts; without, everybody may do everything.")


class KeyBody(BaseModel):
    """Body of `POST /keys`."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=200, description="What it is for.")
    permissions: list[Permission] = Field(min_length=1, max_length=20)
    days: Annotated[float, Field(gt=0, le=LONGEST_KEY_DAYS), BeforeValidator(number_only)] = KEY_DAYS


class KeyItem(BaseModel):
    """A key without its secret."""

    id: str
    owner: str
    note: str
    permissions: list[Permission]
    created: str
    expires: str
    used: str | None


class NewKey(KeyItem):
    """A key just made."""

    key: str = Field(description="The key itself, shown this once.")


class KeyList(BaseModel):
    """Keys, newest first."""

    results: list[KeyItem]


class UserBody(BaseModel):
    """Body of `POST /users`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=LONGEST_PASSWORD)
    role: Role
    title: str = Field(default="", max_length=100)


class UserChange(BaseModel):
    """Body of `PATCH /users/{name}`; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    disabled: Annotated[bool, BeforeValidator(truth_only)] | None = None
    password: str = Field(default="", max_length=LONGEST_PASSWORD)


class UserItem(BaseModel):
    """An account."""

    name: str
    title: str
    role: Role
    disabled: bool
    created: str


class UserList(BaseModel):
    """Accounts by name."""

    results: list[UserItem]


class AuditItem(BaseModel):
    """One change."""

    number: int
    at: str
    who: str
    action: str
    subject: str
    before: dict[str, Any]
    after: dict[str, Any]


class AuditList(BaseModel):
    """Changes, newest first."""

    results: list[AuditItem]
    has_more: bool


@router.post(
    "/session",
    response_model=Me,
    responses=responses(400, 403, 413, 422, 429, 503, 507),
    operation_id="sign_in",
    summary="Sign in",
)
async def sign_in(body: SignInBody, request: Request, state: State) -> JSONResponse:
    """Begin a session; the answer sets its cookie. Five wrong tries, and one has to wait."""
    names = (f"name {body.name}", f"address {request.client.host if request.client else ''}")
    if wait := state.sign_ins.wait(*names):
        detail = f"too many wrong tries; try again in {wait / 60:.0f} minutes"
        headers = {"retry-after": str(int(wait) + 1)}
        return problem(request.scope, 429, detail, code="too_many_tries", headers=headers)
    try:
        account, secret = await state.run(state.accounts.sign_in, body.name, body.password)
    except NotAllowed:
        state.sign_ins.failed(*names)
        raise
    state.sign_ins.succeeded(*names)
    response = JSONResponse(_me(state, account))
    response.set_cookie(
        SESSION_COOKIE, secret, max_age=int(SESSION_LONGEST), httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.delete(
    "/session", status_code=204, responses=responses(403, 503), operation_id="sign_out", summary="Sign out"
)
async def sign_out(request: Request, state: State) -> Response:
    """End the session of this browser."""
    secret = request.cookies.get(SESSION_COOKIE, "")
    if secret:
        await state.run(state.accounts.sign_out, secret)
    response = Response(status_code=204)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.get(
    "/session", response_model=Me, responses=responses(503), operation_id="who_am_i", summary="Who am I?"
)
async def who_am_i(state: State, asking: Asking) -> JSONResponse:
    """Who is asking, and what may be done."""
    return JSONResponse(_me(state, asking))


@router.get(
    "/keys",
    response_model=KeyList,
    responses=responses(401, 403, 503),
    operation_id="list_keys",
    summary="List keys",
)
async def list_keys(state: State, asking: Asking) -> JSONResponse:
    """One's own keys; an admin sees everybody's."""
    found = await state.run(state.accounts.keys, "" if asking.may("accounts") else asking.name)
    return JSONResponse({"results": [_key(key) for key in found]})


@router.post(
    "/keys",
    status_code=201,
    response_model=NewKey,
    responses=CHANGING,
    operation_id="make_key",
    summary="Make a key",
)
async def make_key(body: KeyBody, state: State, asking: Asking) -> JSONResponse:
    """Make a key that may do some of what its maker may; it is shown this once."""
    _need_accounts(state)
    made, secret = await state.run(state.accounts.make_key, asking, body.note, body.permissions, body.days)
    return JSONResponse(_key(made) | {"key": secret}, 201)


@router.delete(
    "/keys/{key_id}", status_code=204, responses=CHANGING, operation_id="end_key", summary="End a key"
)
async def end_key(key_id: KeyId, state: State, asking: Asking) -> Response:
    """End one's own key at once; an admin anybody's."""
    mine = {key.key_id for key in await state.run(state.accounts.keys, asking.name)}
    if key_id not in mine and not asking.may("accounts"):
        raise NotHere(f"there is no key {key_id!r}", reason="key_not_found")
    await state.run(state.accounts.end_key, asking.name, key_id)
    return Response(status_code=204)


@router.get(
    "/users",
    response_model=UserList,
    responses=responses(401, 403, 503),
    operation_id="list_users",
    summary="List accounts",
)
async def list_users(state: State) -> JSONResponse:
    """Everybody, by name."""
    return JSONResponse({"results": [_user(user) for user in await state.run(state.accounts.users)]})


@router.post(
    "/users",
    status_code=201,
    response_model=UserItem,
    responses=CHANGING,
    operation_id="add_user",
    summary="Make an account",
)
async def add_user(body: UserBody, state: State, actor: Actor) -> JSONResponse:
    """Make an account. The first one, an admin's, turns accounts on."""
    made = await state.run(state.accounts.add_user, actor, body.name, body.password, body.role, body.title)
    state.forget_accounts()
    return JSONResponse(_user(made), 201)


@router.patch(
    "/users/{name}",
    response_model=UserItem,
    responses=CHANGING,
    operation_id="change_user",
    summary="Change an account",
)
async def change_user(name: UserName, body: UserChange, state: State, actor: Actor) -> JSONResponse:
    """Change role or password, or keep somebody out; it signs them out everywhere."""
    changed = await state.run(
        state.accounts.change_user,
        actor,
        name,
        role=body.role,
        disabled=body.disabled,
        password=body.password,
    )
    return JSONResponse(_user(changed))


@router.get(
    "/audit",
    response_model=AuditList,
    responses=responses(401, 403, 422, 503),
    operation_id="list_audit",
    summary="List changes",
)
async def list_audit(
    state: State,
    subject: Annotated[str, Query(max_length=200, description="Of this alone, such as `image/ID`.")] = "",
    before: Annotated[int | None, Query(ge=1, description="Numbers below this, for paging.")] = None,
    per_page: Annotated[int, Query(ge=1, le=200, description="Changes per page.")] = 50,
) -> JSONResponse:
    """Who changed what, newest first."""
    found = await state.run(state.office.history, subject, before=before, limit=per_page + 1)
    shown = [_entry(entry) for entry in found[:per_page]]
    return JSONResponse({"results": shown, "has_more": len(found) > per_page})


@pages.get("/sign-in", response_class=HTMLResponse)
async def sign_in_page(
    request: Request, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> HTMLResponse:
    """The page that asks who is there."""
    chosen = language(lang, accept_language)
    strings = {name: LOCALES[chosen][name] for name in ("problem_wrong_password", "offline", "sign_in_wait")}
    html = templates.get_template("sign_in.html").render(
        t=LOCALES[chosen], lang=chosen, boot={"strings": strings}, query=request.query_params
    )
    return HTMLResponse(html, headers={"vary": "Accept-Language"})


def _need_accounts(state: ServerState) -> None:
    if not state.has_accounts():
        raise NotAllowed("keys belong to accounts; make the first one, an admin's", reason="no_accounts")


def _me(state: ServerState, account: Account) -> dict[str, Any]:
    return {
        "name": "" if account is NOBODY else account.name,
        "role": account.role,
        "permissions": sorted(account.permissions),
        "accounts": state.has_accounts(),
    }


def _key(key: Key) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "owner": key.owner,
        "note": key.note,
        "permissions": sorted(key.permissions),
        "created": iso(key.created),
        "expires": iso(key.expires),
        "used": None if key.used is None else iso(key.used),
    }


def _user(user: User) -> dict[str, Any]:
    return asdict(user) | {"created": iso(user.created)}


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return asdict(entry) | {"at": iso(entry.at)}
