"""Saved searches: smart collections that fill themselves, and say what is new."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from tusou.errors import QueryError, TusouError
from tusou.office.searches import LONGEST_ADDRESS, LONGEST_NAME, SavedSearch
from tusou.server.actor import Actor
from tusou.server.moments import iso
from tusou.server.parameters import language, request_of
from tusou.server.problems import responses
from tusou.server.routes.images import Lang
from tusou.server.routes.pages import is_search, search_parameters
from tusou.server.routes.search import AcceptLanguage
from tusou.server.shown import shown_items
from tusou.server.state import ServerState, State
from tusou.types import Language, Range, SearchPage, SearchRequest

router = APIRouter(prefix="/api/v1/saved-searches", tags=["collections"])

COVERS = 4
CHANGING = responses(400, 403, 404, 413, 422, 503, 507)
SearchId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a saved search.")]


class SavedSearchBody(BaseModel):
    """Body of `POST /saved-searches`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "雪山 · 编辑", "address": "q=雪山&usage=editorial"}},
    )

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    address: str = Field(
        min_length=1, max_length=LONGEST_ADDRESS, description="Parameters of the page's address, without `?`."
    )


class SavedSearchItem(BaseModel):
    """A saved search, asked again just now."""

    id: str
    name: str
    address: str
    created: str
    count: int = Field(description="Relevant images; all where that is not known.")
    new: int = Field(description="Of them in the library only since you looked.")
    covers: list[str] = Field(description="Thumbnails of the first images.")
    problem: str = Field(description="Why it cannot be asked any more; empty when it can.")


class SavedSearchList(BaseModel):
    """Your saved searches, newest first."""

    results: list[SavedSearchItem]


@router.get(
    "", response_model=SavedSearchList, responses=responses(503), operation_id="list_saved_searches",
    summary="List saved searches",
)  # fmt: skip
async def list_saved(
    state: State, actor: Actor, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """Your saved searches, each asked again: how many images it finds now, and how many are new."""
    chosen = language(lang, accept_language)
    found = await state.run(state.searches.of, actor)
    items = [await state.run(_item, state, saved, chosen) for saved in found]
    return JSONResponse({"results": items})


@router.post(
    "", status_code=201, response_model=SavedSearchItem, responses=CHANGING, operation_id="save_search",
    summary="Save a search",
)  # fmt: skip
async def save(
    body: SavedSearchBody,
    state: State,
    actor: Actor,
    lang: Lang = "auto",
    accept_language: AcceptLanguage = "",
) -> JSONResponse:
    """Keep a search of words and filters; from now on it tells what is new."""
    chosen = language(lang, accept_language)
    await state.run(_asked, state, body.address, chosen)  # one that cannot be asked is refused
    made = await state.run(state.searches.add, actor, body.name, body.address)
    return JSONResponse(await state.run(_item, state, made, chosen), 201)


@router.post(
    "/{search_id}/seen", status_code=204, responses=CHANGING, operation_id="see_saved_search",
    summary="Say that you looked",
)  # fmt: skip
async def see(search_id: SearchId, state: State, actor: Actor) -> Response:
    """Nothing of it is new any more."""
    await state.run(state.searches.look, actor, search_id)
    return Response(status_code=204)


@router.delete(
    "/{search_id}", status_code=204, responses=CHANGING, operation_id="delete_saved_search",
    summary="Delete a saved search",
)  # fmt: skip
async def delete(search_id: SearchId, state: State, actor: Actor) -> Response:
    """Delete one of yours."""
    await state.run(state.searches.remove, actor, search_id)
    return Response(status_code=204)


def _item(state: ServerState, saved: SavedSearch, lang: Language) -> dict[str, Any]:
    values = {
        "id": saved.search_id, "name": saved.name, "address": saved.address,
        "created": iso(saved.created),
    }  # fmt: skip
    try:
        page = _asked(state, saved.address, lang)
        fresh = _asked(state, saved.address, lang, since=saved.seen)
    except TusouError as error:  # a supplier that is gone, a filter that changed its meaning
        return values | {"count": 0, "new": 0, "covers": [], "problem": str(error)}
    items = shown_items(state, [hit.image.image_id for hit in page.hits], lang)
    covers = [item["urls"]["thumb"] for item in items if not item["gone"]]
    return values | {"count": _count(page), "new": _count(fresh), "covers": covers, "problem": ""}


def _count(page: SearchPage) -> int:
    return page.total if page.relevant is None else page.relevant


def _asked(state: ServerState, address: str, lang: Language, since: float | None = None) -> SearchPage:
    """Ask a saved search.

    Raises:
        QueryError: It has no words and no filter (``empty_query``), or an unknown parameter value.
    """
    query = QueryParams(address)
    if not is_search(query):
        raise QueryError("a saved search needs words or filters; pictures are not kept", reason="empty_query")
    try:
        asked = search_parameters(query, lang)
    except ValidationError as error:
        raise QueryError(str(error.errors()[0]["msg"]), reason="bad_filter") from error
    request: SearchRequest = replace(
        request_of(asked, asked.to_filters(), lang), limit=COVERS, offset=0, facets=False, explain=False
    )
    if since is not None:
        request = replace(request, filters=replace(request.filters, added=Range(since, None)))
    return state.engine.search(request)
