"""Search by words, by picture, or both."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Header, Query, UploadFile
from fastapi.responses import JSONResponse

from tusou.errors import DecodeError, FetchError, QueryError
from tusou.server.answers import answer
from tusou.server.asker import AskerOf
from tusou.server.parameters import (
    FilterParameters,
    ImageQueryFields,
    SearchBody,
    SearchParameters,
    language,
    parse_region,
    request_of,
)
from tusou.server.problems import responses
from tusou.server.schemas import SearchAnswer
from tusou.server.shown import shown_record
from tusou.server.state import ServerState, State

router = APIRouter(prefix="/api/v1/search", tags=["search"])

AcceptLanguage = Annotated[str, Header(max_length=1000, include_in_schema=False)]


class ImageQueryForm(FilterParameters, ImageQueryFields):
    """Fields of `POST /search/images/by-image`: exactly one picture, everything else optional."""

    file: UploadFile | None = None


@router.get(
    "/images",
    response_model=SearchAnswer,
    responses=responses(404, 422, 503),
    operation_id="search_images",
    summary="Search by words",
)
async def search_images(
    asked: Annotated[SearchParameters, Query()],
    state: State,
    asker: AskerOf,
    accept_language: AcceptLanguage = "",
) -> JSONResponse:
    """Search by words and filters; without either, every image, newest first."""
    lang = language(asked.lang, accept_language)
    request = request_of(asked, asked.to_filters(), lang)
    return JSONResponse(await answer(state, request, asked, lang, asker))


@router.post(
    "/images",
    response_model=SearchAnswer,
    responses=responses(400, 403, 404, 413, 422, 503),
    operation_id="search_images_with_filters",
    summary="Search by words with a filter object",
)
async def search_images_with_filters(
    asked: SearchBody, state: State, asker: AskerOf, accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """The same search with filters as an object of operators."""
    lang = language(asked.lang, accept_language)
    request = request_of(asked, asked.filters.to_filters(), lang)
    return JSONResponse(await answer(state, request, asked, lang, asker))


@router.post(
    "/images/by-image",
    response_model=SearchAnswer,
    responses=responses(400, 403, 404, 413, 415, 422, 503),
    operation_id="search_images_by_image",
    summary="Search by picture",
)
async def search_images_by_image(
    asked: Annotated[ImageQueryForm, Form(media_type="multipart/form-data")],
    state: State,
    asker: AskerOf,
    accept_language: AcceptLanguage = "",
) -> JSONResponse:
    """Search by a file, an address or a library image, alone or together with words and filters.

    The picture is decoded in a process of its own and forgotten with the answer.
    """
    lang = language(asked.lang, accept_language)
    given = [name for name in ("file", "image_url", "image_id") if getattr(asked, name) is not None]
    if len(given) != 1:
        raise QueryError(
            f"give exactly one of file, image_url and image_id; given: {', '.join(given) or 'none'}",
            reason="one_picture_needed",
        )
    try:
        request = replace(
            request_of(asked, asked.to_filters(), lang),
            image=await _picture(state, asked),
            image_id=asked.image_id,
            region=parse_region(asked.region),
            mode=asked.mode,
            image_weight=asked.image_weight,
        )
        if asked.image_id is not None:
            await state.run(shown_record, state, asked.image_id)
        return JSONResponse(await answer(state, request, asked, lang, asker))
    except (DecodeError, FetchError) as error:
        state.metrics.rejected.labels(error.reason).inc()
        raise


async def _picture(state: ServerState, asked: ImageQueryForm) -> bytes | None:
    """Bytes of the query picture; None for a library image."""
    if asked.file is not None:
        return await asked.file.read()
    if asked.image_url is not None:
        return await state.run(state.fetch, asked.image_url)
    return None
