"""What the library holds and what the server accepts: suppliers, licences, limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from tusou.catalog.licenses import LICENSES
from tusou.search.parse import MAX_CHARACTERS
from tusou.server.parameters import MAX_PER_PAGE, language
from tusou.server.problems import responses
from tusou.server.routes.events import MAX_EVENTS
from tusou.server.routes.images import Lang
from tusou.server.routes.search import AcceptLanguage
from tusou.server.schemas import Licenses, Limits, Suppliers
from tusou.server.state import ServerState, State
from tusou.types import Language

router = APIRouter(prefix="/api/v1", tags=["library"])


@router.get(
    "/suppliers",
    response_model=Suppliers,
    responses=responses(503),
    operation_id="list_suppliers",
    summary="List suppliers",
)
async def list_suppliers(state: State) -> JSONResponse:
    """Every supplier with the number of its images."""
    results = await state.run(supplier_items, state)
    return JSONResponse({"results": results, "total": len(results)})


def supplier_items(state: ServerState) -> list[dict[str, Any]]:
    """Suppliers as the API writes them, by name."""
    counts = state.library.catalog.supplier_counts()
    return [
        {
            "name": supplier.name,
            "title": supplier.title or supplier.name,
            "url": supplier.url,
            "license": supplier.license,
            "terms": supplier.terms,
            "authority": supplier.authority,
            "images": counts.get(supplier.name, 0),
        }
        for supplier in sorted(state.library.catalog.suppliers(), key=lambda supplier: supplier.name)
    ]


@router.get(
    "/licenses",
    response_model=Licenses,
    responses=responses(422),
    operation_id="list_licenses",
    summary="List licences",
)
async def list_licenses(lang: Lang = "auto", accept_language: AcceptLanguage = "") -> JSONResponse:
    """Every licence the server knows, and what it allows."""
    results = license_items(language(lang, accept_language))
    return JSONResponse({"results": results, "total": len(results)})


def license_items(lang: Language) -> list[dict[str, Any]]:
    """Licences as the API writes them."""
    return [
        {
            "code": license_.code,
            "name": license_.name[lang],
            "url": license_.url,
            "commercial": license_.commercial,
            "modification": license_.modification,
            "attribution": license_.attribution,
            "share_alike": license_.share_alike,
        }
        for license_ in LICENSES.values()
    ]


@router.get(
    "/limits",
    response_model=Limits,
    responses=responses(),
    operation_id="get_limits",
    summary="Show the limits",
)
async def get_limits(state: State) -> JSONResponse:
    """What the server accepts, so that clients need not find out by failing."""
    return JSONResponse(limits_item(state))


def limits_item(state: ServerState) -> dict[str, Any]:
    """Limits as the API writes them."""
    config = state.library.config
    return {
        "max_per_page": MAX_PER_PAGE,
        "max_query_length": MAX_CHARACTERS,
        "max_upload_bytes": config.max_upload_bytes,
        "max_pixels": config.max_pixels,
        "max_side": config.max_side,
        "decode_seconds": config.decode_seconds,
        "fetch_seconds": config.fetch_seconds,
        "recall_depth": config.recall_depth,
        "max_events": MAX_EVENTS,
    }
