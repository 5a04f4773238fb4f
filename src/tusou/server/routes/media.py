"""The bytes of pictures: thumbnails, previews, originals."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from tusou.errors import ImageNotFound
from tusou.server.problems import responses
from tusou.server.routes.images import ImageId
from tusou.server.state import ServerState, State
from tusou.server.workers import missing_original
from tusou.types import ImageRecord

router = APIRouter(prefix="/media", tags=["media"])

JPEG = "image/jpeg"
FOREVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
SANDBOX = "default-src 'none'; sandbox"
CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "avif": "image/avif",
}
"""Type by sniffed format; what is not listed goes out as plain bytes. Never what a supplier claims."""

JPEG_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {JPEG: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/thumbnails/{name}.jpg",
    response_class=Response,
    responses={**JPEG_ANSWER, **responses(404, 422, 503)},
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
    sha256 = name if by_content else (await state.run(state.library.catalog.get, name)).sha256
    thumbnail = await state.run(state.library.thumbnails.get, sha256)
    if thumbnail is None:
        raise ImageNotFound(f"no thumbnail named {name!r}; addresses stand in the field `urls` of an item")
    return _picture(request, thumbnail, sha256, FOREVER if by_content else A_WHILE)


@router.get(
    "/previews/{image_id}",
    response_class=Response,
    responses={**JPEG_ANSWER, **responses(404, 413, 415, 422, 503)},
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
    record = await state.run(state.library.catalog.get, image_id)
    preview = await state.run(_preview, state, record, int(size))
    pinned = len(v) >= 8 and record.sha256.startswith(v)
    return _picture(request, preview, f"{record.sha256}-{size}", FOREVER if pinned else A_WHILE)


def _preview(state: ServerState, record: ImageRecord, side: int) -> bytes:
    return state.workers.preview(record.sha256, state.library.original_path(record), side)


@router.get(
    "/originals/{image_id}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 422, 503),
    },
    operation_id="get_original",
    summary="Original",
)
async def get_original(image_id: ImageId, state: State) -> Response:
    """The bytes as delivered, always as a download."""
    record = await state.run(state.library.catalog.get, image_id)
    path = await state.run(state.library.original_path, record)
    try:
        stat = path.stat()
    except OSError as error:
        raise missing_original(error) from error
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(_download_name(record), safe='')}",
        "content-security-policy": SANDBOX,
        "cache-control": A_WHILE,
    }
    return FileResponse(
        path,
        headers=headers,
        media_type=CONTENT_TYPES.get(record.format, "application/octet-stream"),
        stat_result=stat,
    )


def _download_name(record: ImageRecord) -> str:
    """Name of the saved file: of our own making but for letters and digits of the supplier's name."""
    stem = record.metadata.filename.rsplit("/")[-1].rsplit(".")[0] or record.item_id
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in stem).strip("-")
    extension = "jpg" if record.format == "jpeg" else record.format
    return f"{safe[:80] or record.image_id}.{extension}"


def _picture(request: Request, data: bytes, tag: str, cache: str) -> Response:
    """A JPEG, or 304 when the browser has this very one."""
    etag = f'"{tag}"'
    headers = {"cache-control": cache, "etag": etag, "content-security-policy": SANDBOX}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=JPEG, headers=headers)
