"""One image, and what is similar to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

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
