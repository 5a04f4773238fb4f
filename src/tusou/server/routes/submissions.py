"""Sending images in, and the queue of those who let them into the library."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tusou.catalog.licenses import normalize_license
from tusou.catalog.records import image_id_of
from tusou.errors import Conflict, NotHere
from tusou.office.accounts import Account
from tusou.office.submissions import LONGEST, Status, Submission
from tusou.server.actor import Actor, Asking, account
from tusou.server.intake import check_image
from tusou.server.json_values import number_only
from tusou.server.locales import LOCALES
from tusou.server.moments import iso
from tusou.server.parameters import language
from tusou.server.problems import responses
from tusou.server.routes.images import Lang
from tusou.server.routes.library import limits_item, supplier_items
from tusou.server.routes.pages import license_table, templates
from tusou.server.routes.search import AcceptLanguage
from tusou.server.state import ServerState, State

router = APIRouter(prefix="/api/v1/submissions", tags=["submissions"])
pages = APIRouter(include_in_schema=False)

CHANGING = responses(400, 403, 404, 409, 413, 415, 422, 503, 507)
SubmissionId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a submission.")]
Revision = Annotated[int, Field(ge=1), BeforeValidator(number_only)]
Text = Annotated[str, Field(max_length=LONGEST)]


class SubmissionForm(BaseModel):
    """Fields of `POST /submissions`."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile
    supplier: str = Field(min_length=1, max_length=100, description="Whose image it will be.")


class SubmissionTexts(BaseModel):
    """What is said of an image; keywords are separated by commas."""

    model_config = ConfigDict(extra="forbid")

    title_en: Text = ""
    title_zh: Text = ""
    description_en: Text = ""
    description_zh: Text = ""
    keywords_en: Text = ""
    keywords_zh: Text = ""
    creator: Text = ""
    license: Text = ""
    model_release: Text = ""


class DescriptionBody(BaseModel):
    """Body of `PUT /submissions/{id}`."""

    model_config = ConfigDict(extra="forbid")

    revision: Revision
    fields: SubmissionTexts


class DecisionBody(BaseModel):
    """Body of `POST /submissions/{id}/decision`."""

    model_config = ConfigDict(extra="forbid")

    revision: Revision
    status: Literal["in_review", "approved", "rejected"]
    reason: Text = Field(default="", description="Needed to turn one down.")


class SubmissionItem(BaseModel):
    """One image somebody sent in."""

    id: str
    who: str
    supplier: str
    filename: str
    width: int
    height: int
    format: str
    fields: dict[str, str]
    checks: dict[str, Any] = Field(
        description="`copies` in the library already, `suggestions` of keywords with their share of the "
        "votes of images that look alike, `warnings`."
    )
    status: Status
    reason: str
    decided_by: str
    created: str
    revision: int
    thumb: str
    image_id: str = Field(description="In the library, once it was let in.")


class SubmissionList(BaseModel):
    """Submissions, oldest first."""

    results: list[SubmissionItem]


@router.get(
    "",
    response_model=SubmissionList,
    responses=responses(422, 503),
    operation_id="list_submissions",
    summary="List submissions",
)
async def list_submissions(
    state: State,
    asking: Asking,
    status: Annotated[list[Status], Query(description="Only of these; may be repeated.")] = [],  # noqa: B006 - read only
) -> JSONResponse:
    """Your own submissions; a reviewer sees everybody's."""
    who = "" if asking.may("review") else asking.name
    found = await state.run(state.submissions.all, who=who, status=tuple(status))
    return JSONResponse({"results": [_item(each) for each in found]})


@router.post(
    "",
    status_code=201,
    response_model=SubmissionItem,
    responses=CHANGING,
    operation_id="submit_image",
    summary="Send an image in",
)
async def submit_image(
    sent: Annotated[SubmissionForm, Form(media_type="multipart/form-data")], state: State, actor: Actor
) -> JSONResponse:
    """Check an image and keep it until a reviewer decides: copies, keyword suggestions, what is odd about it.

    Bytes the library has already are refused, and so are bytes that wait already.
    """
    data = await sent.file.read()
    made = await state.run(_submit, state, actor, sent.supplier, sent.file.filename or "image", data)
    return JSONResponse(_item(made), 201)


@router.put(
    "/{submission_id}",
    response_model=SubmissionItem,
    responses=CHANGING,
    operation_id="describe_submission",
    summary="Describe a submission",
)
async def describe(
    submission_id: SubmissionId, body: DescriptionBody, state: State, asking: Asking
) -> JSONResponse:
    """Say what an undecided image shows; its sender and reviewers may."""
    return JSONResponse(_item(await state.run(_describe, state, asking, submission_id, body)))


@router.post(
    "/{submission_id}/decision",
    response_model=SubmissionItem,
    responses=CHANGING,
    operation_id="decide_submission",
    summary="Decide on a submission",
)
async def decide(submission_id: SubmissionId, body: DecisionBody, state: State, actor: Actor) -> JSONResponse:
    """Take it into review, let it into the library, or turn it down with a reason."""
    return JSONResponse(_item(await state.run(_decide, state, actor, submission_id, body)))


@router.get(
    "/{submission_id}/thumbnail",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 503),
    },
    operation_id="get_submission_thumbnail",
    summary="Thumbnail of a submission",
)
async def thumbnail(submission_id: SubmissionId, state: State, asking: Asking) -> Response:
    """JPEG; its sender and reviewers see it."""
    found = await state.run(_mine, state, asking, submission_id)
    return Response(await state.run(state.uploads.thumbnail, found.sha256), media_type="image/jpeg")


@pages.get("/upload", response_class=HTMLResponse)
async def upload_page(
    request: Request, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> HTMLResponse:
    """The page for sending in and letting in; its script asks the API."""
    chosen = language(lang, accept_language)
    boot = {
        "lang": chosen,
        "strings": LOCALES[chosen],
        "suppliers": {item["name"]: item for item in await state.run(supplier_items, state)},
        "licenses": license_table(chosen),
        "may_review": account(request).may("review"),
        "limits": limits_item(state),
        "feedback": {"logs": False, "opted_out": True},
    }
    html = templates.get_template("upload.html").render(
        t=LOCALES[chosen], lang=chosen, boot=boot, query=request.query_params, account=account(request)
    )
    return HTMLResponse(html, headers={"vary": "Accept-Language"})


def _submit(state: ServerState, actor: str, supplier: str, name: str, data: bytes) -> Submission:
    state.library.catalog.supplier(supplier)  # an unknown one is refused
    analysis, checks = check_image(state, data, name)
    if held := state.library.catalog.with_sha256(analysis.sha256):
        raise Conflict(
            f"the library has this very image already: {held[0].image_id} of {held[0].supplier}",
            reason="image_exists",
        )
    if waiting := state.submissions.waiting(analysis.sha256):
        raise Conflict(
            f"this very image waits already: submission {waiting.submission_id}", reason="image_waits"
        )
    state.uploads.keep(analysis.sha256, data, analysis.thumbnail)
    return state.submissions.add(
        Submission(
            "", actor, supplier, name[:200], analysis.sha256, analysis.width, analysis.height,
            analysis.format, checks=checks,
        )
    )  # fmt: skip


def _mine(state: ServerState, asking: Account, submission_id: str) -> Submission:
    found = state.submissions.get(submission_id)
    if found.who != asking.name and not asking.may("review"):
        raise NotHere(f"there is no submission {submission_id!r}", reason="submission_not_found")
    return found


def _describe(state: ServerState, asking: Account, submission_id: str, body: DescriptionBody) -> Submission:
    _mine(state, asking, submission_id)
    fields = body.fields.model_dump()
    if fields["license"]:
        fields["license"] = normalize_license(fields["license"])  # an unknown one is refused
    return state.submissions.describe(asking.name, submission_id, body.revision, fields)


def _decide(state: ServerState, actor: str, submission_id: str, body: DecisionBody) -> Submission:
    found = state.submissions.get(submission_id)
    if body.status == "approved" and found.status in ("submitted", "in_review"):
        # first the claim, so that two reviewers do not both let it in; a failed ingest leaves it in review
        found = state.submissions.decide(actor, submission_id, body.revision, "in_review")
        state.uploads.let_in(found)
        body = body.model_copy(update={"revision": found.revision})
    decided = state.submissions.decide(actor, submission_id, body.revision, body.status, body.reason)
    if decided.status in ("approved", "rejected"):
        state.uploads.drop(decided.sha256)
    return decided


def _item(submission: Submission) -> dict[str, Any]:
    values = asdict(submission)
    del values["sha256"]
    submission_id = values.pop("submission_id")
    waits = submission.status in ("submitted", "in_review")
    return {
        "id": submission_id,
        **values,
        "created": iso(submission.created),
        "image_id": image_id_of(submission.supplier, submission_id)
        if submission.status == "approved"
        else "",
        "thumb": f"/api/v1/submissions/{submission_id}/thumbnail" if waits else "",
    }
