"""The pages of collections, and the one a link opens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from tusou.errors import OfficeError
from tusou.server.actor import account
from tusou.server.locales import LOCALES
from tusou.server.parameters import language
from tusou.server.problems import status_of
from tusou.server.routes.collections import shared_collection
from tusou.server.routes.library import supplier_items
from tusou.server.routes.pages import license_table, templates
from tusou.server.state import ServerState, State
from tusou.types import Language

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(min_length=1, max_length=100)]


@router.get("/collections", response_class=HTMLResponse)
async def all_collections(request: Request, state: State) -> HTMLResponse:
    """Every collection; the script asks the API."""
    return await _page(request, state, {})


@router.get("/collections/{collection_id}", response_class=HTMLResponse)
async def one_collection(collection_id: Name, request: Request, state: State) -> HTMLResponse:
    """One collection; the script asks the API."""
    return await _page(request, state, {"collection": collection_id})


@router.get("/shared/{secret}", response_class=HTMLResponse)
async def shared_page(secret: Name, request: Request, state: State) -> HTMLResponse:
    """What a link shows; it comes with the page, so that the link's secret is sent nowhere else."""
    lang = _language(request)
    try:
        found = await state.run(shared_collection, state, secret, lang)
    except OfficeError as error:
        problem = LOCALES[lang].get(f"problem_{error.reason}", str(error))
        return await _page(request, state, {}, problem=problem, status=status_of(error))
    return await _page(request, state, {"shared": found}, title=found["collection"]["name"])


def _language(request: Request) -> Language:
    return language(request.query_params.get("lang", "auto"), request.headers.get("accept-language", ""))


async def _page(
    request: Request,
    state: ServerState,
    extra: dict[str, Any],
    *,
    title: str = "",
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    lang = _language(request)
    chosen = "lang" in request.query_params
    boot = {
        "lang": lang,
        "lang_chosen": chosen,
        "strings": LOCALES[lang],
        "suppliers": {item["name"]: item for item in await state.run(supplier_items, state)},
        "licenses": license_table(lang),
        "feedback": {"logs": False, "opted_out": True},  # nothing here is the answer to a search
        **extra,
    }
    path = request.url.path
    links = {"home": f"/?lang={lang}" if chosen else "/", "zh": f"{path}?lang=zh", "en": f"{path}?lang=en"}
    html = templates.get_template("collections.html").render(
        t=LOCALES[lang], lang=lang, boot=boot, query=request.query_params, links=links, problem=problem,
        account=account(request), title=title or LOCALES[lang]["collections"],
    )  # fmt: skip
    return HTMLResponse(html, status, headers={"vary": "Accept-Language"})
