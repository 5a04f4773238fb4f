"""The bytes of pictures: thumbnails, previews, originals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from tusou.errors import ImageNotFound
from tusou.server.actor import Actor
from tusou.server.delivery import SANDBOX, Delivery, original_of
from tusou.server.problems import responses
from tusou.server.routes.images import ImageId
from tusou.server.shown import refuse_withheld, shown_record
from tusou.server.state import ServerState, State
from tusou.types import ImageRecord

router = APIRouter(prefix="/media", tags=["media"])

JPEG = "image/jpeg"
FOREVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
JPEG_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {JPEG: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/thumbnails/{name}.jpg",
    response_class=Response,
    responses={**JPEG_ANSWER, **responses(404, 410, 422, 503)},
    operation_id="get_thumbnail",
    summary="Thumbnail",
)
async def get_thumbnail(
    name: Annotated[str, Path(min_length=1, max_length=100, description="SHA-256 or image id.")],
    request: Request,
    state: State,
) -> Response:
    """JPEG, longest side up to 512 pixels. Addressed by SHA-256 it never changes."""
    by_content = len(name) == 64
    sha256 = await state.run(_shown_content, state, name)
    thumbnail = await state.run(state.library.thumbnails.get, sha256)
    if thumbnail is None:
        raise ImageNotFound(f"no thumbnail named {name!r}; addresses stand in the field `urls` of an item")
    return _picture(request, thumbnail, sha256, FOREVER if by_content else A_WHILE)


@router.get(
    "/previews/{image_id}",
    response_class=Response,
    responses={**JPEG_ANSWER, **responses(404, 410, 413, 415, 422, 503)},
    operation_id="get_preview",
    summary="Preview",
)
async def get_preview(
    image_id: ImageId,
    request: Request,
    state: State,
    size: Annotated[Literal["1280", "2048"], Query(description="Longest side, pixels.")] = "1280",
    v: Annotated[str, Query(max_length=64, description="Start of the SHA-256; makes it cacheable.")] = "",
) -> Response:
    """JPEG made from the original, upright, in sRGB, without metadata."""
    record = await state.run(shown_record, state, image_id)
    preview = await state.run(_preview, state, record, int(size))
    pinned = len(v) >= 8 and record.sha256.startswith(v)
    return _picture(request, preview, f"{record.sha256}-{size}", FOREVER if pinned else A_WHILE)


@router.get(
    "/comps/{image_id}",
    response_class=Response,
    responses={**JPEG_ANSWER, **responses(404, 410, 413, 415, 422, 503, 507)},
    operation_id="get_comp",
    summary="Comp",
)
async def get_comp(image_id: ImageId, state: State, actor: Actor) -> Response:
    """JPEG to lay a page out with, 1000 pixels, marked all over; it needs no licence and gives none."""
    name, data = await state.run(_comp, state, actor, image_id)
    return Delivery(name, "jpeg", data).response()


def _comp(state: ServerState, actor: str, image_id: str) -> tuple[str, bytes]:
    record = shown_record(state, image_id)
    data = state.workers.comp(state.library.original_path(record), f"COMP {record.image_id}")
    with state.office.changing(actor) as change:
        change.record("comp", f"image/{record.image_id}")
    return f"comp-{record.image_id}.jpg", data


def _shown_content(state: ServerState, name: str) -> str:
    """SHA-256 of a thumbnail that may be shown, by image id or by itself.

    Raises:
        Expired: All images of these bytes are withheld.
    """
    if len(name) != 64:
        return shown_record(state, name).sha256
    withheld = state.rights.withheld()
    if withheld:
        records = state.library.catalog.with_sha256(name)
        if records and all(record.supplier in withheld for record in records):
            refuse_withheld(state, records[0])
    return name


def _preview(state: ServerState, record: ImageRecord, side: int) -> bytes:
    return state.workers.preview(record.sha256, state.library.original_path(record), side)


@router.get(
    "/originals/{image_id}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(403, 404, 410, 422, 503, 507),
    },
    operation_id="get_original",
    summary="Original",
)
async def get_original(
    image_id: ImageId,
    state: State,
    actor: Actor,
    license: Annotated[str, Query(max_length=100, description="Id of a grant.")] = "",  # noqa: A002 - wire name
) -> Response:
    """The bytes as delivered with the rights written into them, always as a download, under a grant alone."""
    return (await state.run(original_of, state, actor, image_id, license)).response()


def _picture(request: Request, data: bytes, tag: str, cache: str) -> Response:
    """A JPEG, or 304 when the browser has this very one."""
    etag = f'"{tag}"'
    headers = {"cache-control": cache, "etag": etag, "content-security-policy": SANDBOX}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=JPEG, headers=headers)
