"""Collections: images somebody put together, commented, shared by expiring links, exported."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.background import BackgroundTask

from tusou.errors import OfficeError
from tusou.office.collections import (
    LONGEST_NAME,
    LONGEST_SHARE_DAYS,
    LONGEST_TEXT,
    Collection,
    Comment,
    Share,
)
from tusou.server.actor import Actor
from tusou.server.contact_sheet import contact_sheet
from tusou.server.delivery import Format, Size
from tusou.server.export import export_zip
from tusou.server.json_values import number_only, truth_only
from tusou.server.moments import iso
from tusou.server.parameters import language
from tusou.server.problems import responses
from tusou.server.routes.images import Lang
from tusou.server.routes.rights import UseFields
from tusou.server.routes.search import AcceptLanguage
from tusou.server.schemas import Image
from tusou.server.shown import shown_items
from tusou.server.state import ServerState, State
from tusou.types import Language

router = APIRouter(prefix="/api/v1/collections", tags=["collections"])
shared = APIRouter(prefix="/api/v1/shared", tags=["collections"])

MOST_IMAGES = 1_000
"""Images of one request."""

COVERS = 4
READING = responses(404, 422, 503)
CHANGING = responses(400, 403, 404, 409, 413, 422, 503, 507)

Id = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a collection.")]
CommentId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a comment.")]
ShareId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a link.")]
Secret = Annotated[str, Path(min_length=1, max_length=100, description="The last part of the link.")]
ImageIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100)]], Field(min_length=1, max_length=MOST_IMAGES)
]


class CollectionBody(BaseModel):
    """Body of `POST /collections`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "封面候选"}})

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    description: str = Field(default="", max_length=LONGEST_TEXT)


class CollectionChange(CollectionBody):
    """Body of `PATCH /collections/{id}`."""

    revision: Annotated[int, Field(ge=1), BeforeValidator(number_only)] = Field(
        description="The revision that was read; a change made meanwhile is answered with 409."
    )


class ImagesBody(BaseModel):
    """Body of requests that name images."""

    model_config = ConfigDict(extra="forbid")

    image_ids: ImageIds


class OrderBody(ImagesBody):
    """Body of `POST /collections/{id}/order`."""

    before: str = Field(
        default="", max_length=100, description="The image they come to stand before; the end when empty."
    )


class CommentBody(BaseModel):
    """Body of `POST /collections/{id}/comments`."""

    model_config = ConfigDict(extra="forbid")

    words: str = Field(min_length=1, max_length=LONGEST_TEXT)
    image_id: str = Field(default="", max_length=100, description="An image of the collection, or empty.")


class ShareBody(BaseModel):
    """Body of `POST /collections/{id}/shares`."""

    model_config = ConfigDict(extra="forbid")

    days: Annotated[float, Field(gt=0, le=LONGEST_SHARE_DAYS), BeforeValidator(number_only)] = 14


class ExportBody(UseFields):
    """Body of `POST /collections/{id}/export`."""

    model_config = ConfigDict(extra="forbid")

    project: str = Field(default="", max_length=200, description="What it is for, in words.")
    size: Size = Field(default="original", description="`original`, or the longest side in pixels.")
    format: Format = Field(default="original", description="`original` keeps it where the size stays.")
    modify: Annotated[bool, BeforeValidator(truth_only)] = False


class CollectionItem(BaseModel):
    """A collection without its images."""

    id: str
    name: str
    description: str
    owner: str
    created: str
    updated: str
    revision: int
    count: int = Field(description="Number of images.")
    covers: list[str] = Field(description="Thumbnails of the first images.")


class CollectionList(BaseModel):
    """Collections, the one changed last first."""

    results: list[CollectionItem]
    total: int


class GoneImage(BaseModel):
    """An image that is no longer in the library, or may not be shown any more."""

    id: str
    gone: bool = True


class CollectionImages(BaseModel):
    """A collection with its images in order."""

    collection: CollectionItem
    images: list[Image | GoneImage]


class CommentItem(BaseModel):
    """What somebody wrote."""

    id: str
    image_id: str
    author: str
    words: str
    created: str


class CommentList(BaseModel):
    """Comments, oldest first."""

    results: list[CommentItem]


class ShareItem(BaseModel):
    """A link."""

    id: str
    created: str
    created_by: str
    expires: str


class NewShare(ShareItem):
    """A link just made: its address is shown this once."""

    url: str = Field(description="Path of the page it opens.")


class ShareList(BaseModel):
    """Links that have not expired, newest first."""

    results: list[ShareItem]


class Count(BaseModel):
    """How many images it concerned."""

    count: int


@router.get(
    "",
    response_model=CollectionList,
    responses=responses(422, 503),
    operation_id="list_collections",
    summary="List collections",
)
async def list_collections(
    state: State,
    image_id: Annotated[
        str, Query(max_length=100, description="Only collections that hold this image.")
    ] = "",
) -> JSONResponse:
    """Every collection, the one changed last first."""
    found = await state.run(_list, state, image_id)
    return JSONResponse({"results": found, "total": len(found)})


@router.post(
    "",
    status_code=201,
    response_model=CollectionItem,
    responses=CHANGING,
    operation_id="create_collection",
    summary="Make a collection",
)
async def create_collection(body: CollectionBody, state: State, actor: Actor) -> JSONResponse:
    """Make an empty collection."""
    made = await state.run(state.collections.create, actor, body.name, body.description)
    return JSONResponse(_item(state, made, []), 201)


@router.get(
    "/{collection_id}",
    response_model=CollectionImages,
    responses=READING,
    operation_id="get_collection",
    summary="Show a collection",
)
async def get_collection(
    collection_id: Id, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """A collection with its images in order."""
    return JSONResponse(await state.run(_whole, state, collection_id, language(lang, accept_language)))


@router.patch(
    "/{collection_id}",
    response_model=CollectionItem,
    responses=CHANGING,
    operation_id="change_collection",
    summary="Rename a collection",
)
async def change_collection(
    collection_id: Id, body: CollectionChange, state: State, actor: Actor
) -> JSONResponse:
    """Change name and description."""
    changed = await state.run(
        state.collections.rename, actor, collection_id, body.revision, body.name, body.description
    )
    return JSONResponse(_item(state, changed, []))


@router.delete(
    "/{collection_id}",
    status_code=204,
    responses=CHANGING,
    operation_id="delete_collection",
    summary="Delete a collection",
)
async def delete_collection(collection_id: Id, state: State, actor: Actor) -> Response:
    """Delete it with its comments and links; the images stay in the library."""
    await state.run(state.collections.remove, actor, collection_id)
    return Response(status_code=204)


@router.post(
    "/{collection_id}/items",
    response_model=Count,
    responses=CHANGING,
    operation_id="add_to_collection",
    summary="Add images",
)
async def add_items(collection_id: Id, body: ImagesBody, state: State, actor: Actor) -> JSONResponse:
    """Put images at the end; those it holds already stay where they are. All or none."""
    return JSONResponse({"count": await state.run(_add, state, actor, collection_id, body.image_ids)})


@router.post(
    "/{collection_id}/items/take-out",
    response_model=Count,
    responses=CHANGING,
    operation_id="take_from_collection",
    summary="Take images out",
)
async def take_items_out(collection_id: Id, body: ImagesBody, state: State, actor: Actor) -> JSONResponse:
    """Take images out; those it does not hold are no error."""
    count = await state.run(state.collections.take_out, actor, collection_id, body.image_ids)
    return JSONResponse({"count": count})


@router.post(
    "/{collection_id}/order",
    status_code=204,
    responses=CHANGING,
    operation_id="order_collection",
    summary="Move images",
)
async def order_items(collection_id: Id, body: OrderBody, state: State, actor: Actor) -> Response:
    """Put images, in the order given, in front of another one."""
    await state.run(state.collections.move, actor, collection_id, body.image_ids, body.before)
    return Response(status_code=204)


@router.get(
    "/{collection_id}/comments",
    response_model=CommentList,
    responses=READING,
    operation_id="list_comments",
    summary="List comments",
)
async def list_comments(collection_id: Id, state: State) -> JSONResponse:
    """Comments of a collection and its images, oldest first."""
    found = await state.run(state.collections.comments, collection_id)
    return JSONResponse({"results": [_comment(each) for each in found]})


@router.post(
    "/{collection_id}/comments",
    status_code=201,
    response_model=CommentItem,
    responses=CHANGING,
    operation_id="comment",
    summary="Write a comment",
)
async def write_comment(collection_id: Id, body: CommentBody, state: State, actor: Actor) -> JSONResponse:
    """Write of the collection, or of one of its images."""
    made = await state.run(state.collections.comment, actor, collection_id, body.words, body.image_id)
    return JSONResponse(_comment(made), 201)


@router.delete(
    "/{collection_id}/comments/{comment_id}",
    status_code=204,
    responses=CHANGING,
    operation_id="delete_comment",
    summary="Delete a comment",
)
async def delete_comment(collection_id: Id, comment_id: CommentId, state: State, actor: Actor) -> Response:
    """Delete a comment; the audit keeps it."""
    await state.run(state.collections.uncomment, actor, collection_id, comment_id)
    return Response(status_code=204)


@router.get(
    "/{collection_id}/shares",
    response_model=ShareList,
    responses=READING,
    operation_id="list_shares",
    summary="List links",
)
async def list_shares(collection_id: Id, state: State) -> JSONResponse:
    """Links of a collection that have not expired."""
    found = await state.run(state.collections.shares, collection_id)
    return JSONResponse({"results": [_share(each) for each in found]})


@router.post(
    "/{collection_id}/shares",
    status_code=201,
    response_model=NewShare,
    responses=CHANGING,
    operation_id="share_collection",
    summary="Make a link",
)
async def share_collection(collection_id: Id, body: ShareBody, state: State, actor: Actor) -> JSONResponse:
    """Make a link that shows the collection to whoever has it; its address is shown this once."""
    made, secret = await state.run(state.collections.share, actor, collection_id, body.days)
    return JSONResponse(_share(made) | {"url": f"/shared/{secret}"}, 201)


@router.delete(
    "/{collection_id}/shares/{share_id}",
    status_code=204,
    responses=CHANGING,
    operation_id="end_share",
    summary="End a link",
)
async def end_share(collection_id: Id, share_id: ShareId, state: State, actor: Actor) -> Response:
    """End a link at once."""
    await state.run(state.collections.unshare, actor, collection_id, share_id)
    return Response(status_code=204)


@router.get(
    "/{collection_id}/contact-sheet.pdf",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
        **READING,
    },
    operation_id="contact_sheet",
    summary="Contact sheet",
)
async def get_contact_sheet(
    collection_id: Id, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> Response:
    """The images small, with title, licence, supplier and id, as PDF to print or to send."""
    data = await state.run(_sheet, state, collection_id, language(lang, accept_language))
    return Response(
        data,
        media_type="application/pdf",
        headers={"content-disposition": 'attachment; filename="contact-sheet.pdf"'},
    )


@router.post(
    "/{collection_id}/export",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **CHANGING,
    },
    operation_id="export_collection",
    summary="Export a collection",
)
async def export_collection(
    collection_id: Id,
    body: ExportBody,
    state: State,
    actor: Actor,
    lang: Lang = "auto",
    accept_language: AcceptLanguage = "",
) -> FileResponse:
    """A zip of the pictures that may be used so, their credits, and a list of the others with the reasons.

    Every picture is licensed and recorded by itself, as if it were fetched alone.
    """
    collection = await state.run(state.collections.get, collection_id)
    path = await state.run(
        export_zip,
        state,
        actor,
        collection,
        body.to_use(),
        body.project,
        body.size,
        body.format,
        language(lang, accept_language),
    )
    return FileResponse(
        path,
        media_type="application/zip",
        filename="collection.zip",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


@shared.get(
    "/{secret}",
    response_model=CollectionImages,
    responses=responses(404, 410, 422, 503),
    operation_id="get_shared",
    summary="Show what a link shares",
)
async def get_shared(
    secret: Secret, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """The collection of a link, for whoever has it."""
    return JSONResponse(await state.run(shared_collection, state, secret, language(lang, accept_language)))


def shared_collection(state: ServerState, secret: str, lang: Language) -> dict[str, Any]:
    """What a link shows.

    Raises:
        NotHere: There is no such link, or it was ended.
        Expired: Its time is over.
    """
    collection, share = state.collections.shared(secret)
    return _whole(state, collection.collection_id, lang) | {"expires": iso(share.expires)}


def _list(state: ServerState, image_id: str) -> list[dict[str, Any]]:
    found = state.collections.holding(image_id) if image_id else state.collections.all()
    return [_item(state, each, _covers(state, each)) for each in found]


def _covers(state: ServerState, collection: Collection) -> list[str]:
    first = [item.image_id for item in state.collections.items(collection.collection_id)[: 3 * COVERS]]
    items = shown_items(state, first, "en")
    return [item["urls"]["thumb"] for item in items if not item["gone"]][:COVERS]


def _whole(state: ServerState, collection_id: str, lang: Language) -> dict[str, Any]:
    collection = state.collections.get(collection_id)
    ids = [item.image_id for item in state.collections.items(collection_id)]
    images = shown_items(state, ids, lang)
    covers = [image["urls"]["thumb"] for image in images if not image["gone"]][:COVERS]
    return {"collection": _item(state, collection, covers), "images": images}


def _add(state: ServerState, actor: str, collection_id: str, image_ids: list[str]) -> int:
    known = state.library.catalog.rows_of(image_ids)
    if missing := [image_id for image_id in image_ids if image_id not in known]:
        raise OfficeError(
            f"{len(missing)} of {len(image_ids)} images are not in the library, first {missing[0]}; "
            "nothing was added",
            reason="image_not_found",
        )
    return state.collections.add(actor, collection_id, image_ids)


def _sheet(state: ServerState, collection_id: str, lang: Language) -> bytes:
    collection = state.collections.get(collection_id)
    ids = [item.image_id for item in state.collections.items(collection_id)]
    images = [image for image in shown_items(state, ids, lang) if not image["gone"]]
    records = state.library.catalog.get_many([image["id"] for image in images])
    thumbnails = {i: state.library.thumbnails.get(record.sha256) for i, record in records.items()}
    return contact_sheet(collection.name, collection.description, images, thumbnails, lang)


def _item(state: ServerState, collection: Collection, covers: list[str]) -> dict[str, Any]:
    del state
    values = asdict(collection)
    return {
        "id": values.pop("collection_id"),
        **values,
        "created": iso(collection.created),
        "updated": iso(collection.updated),
        "covers": covers,
    }


def _comment(comment: Comment) -> dict[str, Any]:
    values = asdict(comment)
    return {"id": values.pop("comment_id"), **values, "created": iso(comment.created)}


def _share(share: Share) -> dict[str, Any]:
    return {
        "id": share.share_id,
        "created": iso(share.created),
        "created_by": share.created_by,
        "expires": iso(share.expires),
    }
