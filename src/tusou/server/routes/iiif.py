"""Previews over the IIIF Image API 3.0, level 2, for viewers that zoom and for pages that embed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from tusou.imaging.iiif import Format, ImageRequest, Quality, fitted, parse_request
from tusou.search.attribution import attribution_of
from tusou.server.delivery import SANDBOX
from tusou.server.media_urls import PREVIEW_SIDES
from tusou.server.problems import responses
from tusou.server.routes.images import ImageId
from tusou.server.shown import shown_record
from tusou.server.state import ServerState, State
from tusou.types import ImageRecord

router = APIRouter(prefix="/iiif/3", tags=["media"])

LARGEST = PREVIEW_SIDES[-1]
"""Longest side on offer: originals are handed out under a grant."""

INFO = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
PROFILE = '<http://iiif.io/api/image/3/level2.json>;rel="profile"'
A_WHILE = "private, max-age=300"
TYPES = {"jpg": "image/jpeg", "png": "image/png"}
IMAGES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in TYPES.values()}}
}


@router.get(
    "/{image_id}",
    status_code=303,
    responses=responses(404, 410, 422, 503),
    operation_id="iiif_base",
    summary="IIIF: where the description is",
)
async def base(image_id: ImageId, request: Request, state: State) -> RedirectResponse:
    """Goes to the description."""
    record = await state.run(shown_record, state, image_id)
    return RedirectResponse(_address(request, record) + "/info.json", 303)


@router.get(
    "/{image_id}/info.json",
    responses=responses(404, 410, 422, 503),
    operation_id="iiif_info",
    summary="IIIF: description of an image",
)
async def info(image_id: ImageId, request: Request, state: State) -> JSONResponse:
    """Size and abilities, and whose picture it is."""
    record = await state.run(shown_record, state, image_id)
    suppliers = await state.run(state.suppliers)
    width, height = fitted(record.width, record.height, LARGEST)
    body = {
        "@context": "http://iiif.io/api/image/3/context.json",
        "id": _address(request, record),
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": width,
        "height": height,
        "maxWidth": LARGEST,
        "maxHeight": LARGEST,
        "sizes": [
            dict(zip(("width", "height"), fitted(record.width, record.height, side), strict=True))
            for side in (512, *PREVIEW_SIDES)
        ],
        "extraQualities": ["color", "gray", "bitonal"],
        "rights": record.metadata.license_url or None,
        "tusou:attribution": attribution_of(record, "en", suppliers.get(record.supplier)),
    }
    found = {name: value for name, value in body.items() if value is not None}
    return JSONResponse(found, media_type=INFO, headers={"link": PROFILE, "cache-control": A_WHILE})


@router.get(
    "/{image_id}/{region}/{size}/{rotation}/{quality}.{image_format}",
    response_class=Response,
    responses={**IMAGES, **responses(404, 410, 413, 415, 422, 503)},
    operation_id="iiif_image",
    summary="IIIF: image",
)
async def image(
    image_id: ImageId,
    region: Annotated[str, Path(max_length=60, description="`full`, `square`, `x,y,w,h` or `pct:x,y,w,h`.")],
    size: Annotated[str, Path(max_length=60, description="`max`, `w,`, `,h`, `pct:n`, `w,h` or `!w,h`.")],
    rotation: Annotated[str, Path(max_length=10, description="`0`, `90`, `180` or `270`.")],
    quality: Annotated[Quality, Path(description="Colours.")],
    image_format: Annotated[Format, Path(description="`jpg` or `png`.")],
    state: State,
) -> Response:
    """A part of the preview (longest side up to 2048 pixels), scaled down, turned, in grey or in colour."""
    record = await state.run(shown_record, state, image_id)
    width, height = fitted(record.width, record.height, LARGEST)
    asked = parse_request(width, height, region, size, rotation, quality, image_format)
    data = await state.run(_make, state, record, asked)
    headers = {"cache-control": A_WHILE, "link": PROFILE, "content-security-policy": SANDBOX}
    return Response(data, media_type=TYPES[image_format], headers=headers)


def _make(state: ServerState, record: ImageRecord, asked: ImageRequest) -> bytes:
    return state.workers.iiif(state.library.original_path(record), LARGEST, asked)


def _address(request: Request, record: ImageRecord) -> str:
    return f"{str(request.base_url).rstrip('/')}/iiif/3/{record.image_id}"
