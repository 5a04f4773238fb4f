"""One image, and what is similar to it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tusou.search.item import image_item
from tusou.server.answers import answer
from tusou.server.asker import AskerOf
from tusou.server.media_urls import media_urls
from tusou.server.parameters import SimilarParameters, language
from tusou.server.problems import responses
from tusou.server.routes.search import AcceptLanguage
from tusou.server.schemas import Image, SearchAnswer
from tusou.server.shown import shown_record
from tusou.server.state import State
from tusou.types import SearchRequest

router = APIRouter(prefix="/api/v1/images", tags=["images"])

ImageId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a search result.")]
Lang = Annotated[str, Query(pattern="^(zh|en|auto)$", description="Language of the texts.")]


class ChangeItem(BaseModel):
    """One change of the library."""

    number: int = Field(description="Pass the last one as `since` to go on.")
    image_id: str
    kind: Literal["upsert", "delete"] = Field(description="It came or changed, or it is gone for good.")


class ChangeList(BaseModel):
    """Changes, oldest first."""

    results: list[ChangeItem]
    has_more: bool


@router.get(
    "/updated",
    response_model=ChangeList,
    responses=responses(422, 503),
    operation_id="list_updated",
    summary="Follow changes",
)
async def list_updated(
    state: State,
    since: Annotated[int, Query(ge=0, le=2**62, description="Number of the last change known.")] = 0,
    per_page: Annotated[int, Query(ge=1, le=1000, description="Changes per page.")] = 100,
) -> JSONResponse:
    """What came, changed and went, withdrawals included, so that another system can keep in step."""
    found = await state.run(state.library.catalog.changes, since, per_page + 1)
    shown = [{"number": c.number, "image_id": c.image_id, "kind": c.kind} for c in found[:per_page]]
    return JSONResponse({"results": shown, "has_more": len(found) > per_page})


@router.get(
    "/{image_id}",
    response_model=Image,
    responses=responses(404, 410, 422, 503),
    operation_id="get_image",
    summary="Show one image",
)
async def get_image(
    image_id: ImageId, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """Everything shown of one image."""
    record = await state.run(shown_record, state, image_id)
    suppliers = await state.run(state.suppliers)
    supplier = suppliers.get(record.supplier)
    return JSONResponse(
        image_item(record, language(lang, accept_language), supplier=supplier, urls=media_urls)
    )


@router.get(
    "/{image_id}/similar",
    response_model=SearchAnswer,
    responses=responses(404, 410, 422, 503),
    operation_id="similar_images",
    summary="Find similar images",
)
async def similar_images(
    image_id: ImageId,
    asked: Annotated[SimilarParameters, Query()],
    state: State,
    asker: AskerOf,
    accept_language: AcceptLanguage = "",
) -> JSONResponse:
    """Images that look like one of the library, most similar first."""
    lang = language(asked.lang, accept_language)
    await state.run(shown_record, state, image_id)
    request = SearchRequest(
        image_id=image_id,
        filters=asked.to_filters(),
        lang=lang,
        offset=(asked.page - 1) * asked.per_page,
        limit=asked.per_page,
    )
    return JSONResponse(await answer(state, request, asked, lang, asker))
