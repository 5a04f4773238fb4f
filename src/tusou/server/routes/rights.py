"""Rights: agreements with suppliers, may I use this for that, grants, files, and the record of downloads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tusou.office.rights import Download, Grant
from tusou.office.uses import Agreement, Verdict, checked_use, ending_soon
from tusou.search.attribution import attribution_of
from tusou.server.actor import Actor
from tusou.server.delivery import Format, Size, deliver
from tusou.server.json_values import number_only, truth_only
from tusou.server.moments import iso
from tusou.server.parameters import language
from tusou.server.problems import responses
from tusou.server.routes.images import ImageId, Lang
from tusou.server.routes.search import AcceptLanguage
from tusou.server.shown import shown_record
from tusou.server.state import ServerState, State
from tusou.types import Language, Medium, Purpose, Use

router = APIRouter(prefix="/api/v1", tags=["rights"])

READING = responses(404, 410, 422, 503)
CHANGING = responses(400, 403, 404, 409, 410, 413, 422, 503, 507)
CSV_ROWS = 100_000
"""Most downloads of one export."""

GrantId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of a grant.")]
AgreementId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of an agreement.")]
Day = Annotated[str, Field(max_length=10, description="ISO 8601, such as 2027-03-31; empty for none.")]
Territory = Annotated[str, Field(max_length=2, description="ISO 3166 code of two letters; empty: worldwide.")]


class UseFields(BaseModel):
    """What somebody wants to do."""

    purpose: Purpose = Field(description="What for.")
    medium: Medium | None = Field(default=None, description="Where it appears; anywhere when absent.")
    territory: Territory = ""
    until: Day = ""
    modify: bool = Field(default=False, description="The picture is changed.")

    def to_use(self) -> Use:
        """The use, checked.

        Raises:
            OfficeError: Day or territory have no meaning.
        """
        return checked_use(Use(self.purpose, self.medium or "", self.territory, self.until, self.modify))


class UseVerdict(BaseModel):
    """Whether a use is allowed."""

    allowed: bool
    reasons: list[str] = Field(description="Codes of what forbids it.")
    duties: list[str] = Field(description="What it asks: `attribution`, `share_alike`.")
    until: str = Field(description="Last day the agreement behind it runs; empty when nobody said.")


class LicenseBody(UseFields):
    """Body of `POST /licenses`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "image_id": "4xd23qllkntkorbs",
                "purpose": "editorial",
                "medium": "web",
                "project": "春季号",
            }
        },
    )

    image_id: str = Field(min_length=1, max_length=100)
    project: str = Field(default="", max_length=200, description="What it is for, in words.")
    modify: Annotated[bool, BeforeValidator(truth_only)] = False


class GrantItem(BaseModel):
    """A use the library allowed."""

    id: str
    image_id: str
    license: str = Field(description="The image's licence at that time.")
    who: str
    project: str
    purpose: Purpose
    medium: str
    territory: str
    until: str
    modify: bool = Field(description="The picture may be changed.")
    at: str


class NewGrant(GrantItem):
    """A grant just made."""

    duties: list[str]
    attribution: str = Field(description="The line that names the author, ready to paste.")
    download_location: str = Field(description="Where the file is.")


class AgreementBody(BaseModel):
    """Terms of an agreement with a supplier."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200)
    purposes: list[Purpose] = Field(default_factory=list, max_length=10, description="All when empty.")
    media: list[Medium] = Field(default_factory=list, max_length=10, description="All when empty.")
    territories: list[Territory] = Field(
        default_factory=list, max_length=250, description="Worldwide when empty."
    )
    starts: Day = ""
    ends: Day = ""
    notice_days: Annotated[int, Field(ge=0, le=3650), BeforeValidator(number_only)] = 30
    note: str = Field(default="", max_length=4000)


class NewAgreement(AgreementBody):
    """Body of `POST /agreements`."""

    supplier: str = Field(min_length=1, max_length=100)


class AmendedAgreement(AgreementBody):
    """Body of `PUT /agreements/{id}`."""

    revision: Annotated[int, Field(ge=1), BeforeValidator(number_only)]


class AgreementItem(NewAgreement):
    """An agreement."""

    id: str
    revision: int
    runs: bool = Field(description="It holds today.")
    ending: bool = Field(description="Its end is within its days of notice.")


class AgreementList(BaseModel):
    """Agreements by supplier and start."""

    results: list[AgreementItem]
    total: int


class UseOfImage(BaseModel):
    """What an image was taken for."""

    project: str
    purpose: Purpose
    medium: str
    at: str


class UsesOfImage(BaseModel):
    """Where an image was used."""

    projects: list[UseOfImage]
    collections: list[dict[str, str]] = Field(description="`id` and `name`.")


class DownloadItem(BaseModel):
    """One file that was handed out."""

    id: str
    image_id: str
    sha256: str
    supplier: str
    who: str
    size: str
    format: str
    bytes: int
    at: str
    grant: GrantItem


class DownloadList(BaseModel):
    """Downloads, newest first."""

    results: list[DownloadItem]
    has_more: bool


class DownloadQuery(BaseModel):
    """Which downloads."""

    model_config = ConfigDict(extra="forbid")

    image_id: str = Field(default="", max_length=100, description="Of this image alone.")
    who: str = Field(default="", max_length=100, description="Of this person alone.")
    supplier: str = Field(default="", max_length=100, description="Of this supplier's images alone.")
    before: float | None = Field(
        default=None, ge=0, le=1e11, description="Earlier than this, seconds since 1970."
    )
    per_page: int = Field(default=50, ge=1, le=200, description="Downloads per page.")


@router.get(
    "/agreements",
    response_model=AgreementList,
    responses=READING,
    operation_id="list_agreements",
    summary="List agreements",
)
async def list_agreements(
    state: State, supplier: Annotated[str, Query(max_length=100, description="Of this supplier alone.")] = ""
) -> JSONResponse:
    """What suppliers let the library do, ended agreements too."""
    found = await state.run(state.rights.agreements, supplier)
    ending = {each.agreement_id for each in ending_soon(found)}
    return JSONResponse({"results": [_agreement(each, ending) for each in found], "total": len(found)})


@router.post(
    "/agreements",
    status_code=201,
    response_model=AgreementItem,
    responses=CHANGING,
    operation_id="create_agreement",
    summary="Record an agreement",
)
async def create_agreement(body: NewAgreement, state: State, actor: Actor) -> JSONResponse:
    """Record what a supplier lets the library do.

    From now on its images are shown only while one of its agreements runs.
    """
    made = await state.run(_agree, state, actor, body)
    return JSONResponse(_agreement(made, set()), 201)


@router.put(
    "/agreements/{agreement_id}",
    response_model=AgreementItem,
    responses=CHANGING,
    operation_id="amend_agreement",
    summary="Change an agreement",
)
async def amend_agreement(
    agreement_id: AgreementId, body: AmendedAgreement, state: State, actor: Actor
) -> JSONResponse:
    """Change all terms of an agreement; its supplier stays."""
    terms = Agreement(agreement_id, "-", **_terms(body), revision=body.revision)
    return JSONResponse(_agreement(await state.run(state.rights.amend, actor, terms), set()))


@router.delete(
    "/agreements/{agreement_id}",
    status_code=204,
    responses=CHANGING,
    operation_id="delete_agreement",
    summary="Delete an agreement",
)
async def delete_agreement(agreement_id: AgreementId, state: State, actor: Actor) -> Response:
    """Delete one that should never have been recorded. To end one, change its last day."""
    await state.run(state.rights.end, actor, agreement_id)
    return Response(status_code=204)


@router.get(
    "/images/{image_id}/use",
    response_model=UseVerdict,
    responses=READING,
    operation_id="check_use",
    summary="May I use this for that?",
)
async def check_use(image_id: ImageId, use: Annotated[UseFields, Query()], state: State) -> JSONResponse:
    """Judge a use by the image's licence and the agreements with its supplier."""
    record = await state.run(shown_record, state, image_id)
    return JSONResponse(_verdict(state.rights.check(record, use.to_use())))


@router.get(
    "/images/{image_id}/uses",
    response_model=UsesOfImage,
    responses=READING,
    operation_id="list_uses",
    summary="Where an image was used",
)
async def list_uses(image_id: ImageId, state: State) -> JSONResponse:
    """Projects it was taken for, newest first, and collections that hold it; not who took it."""
    return JSONResponse(await state.run(_uses, state, image_id))


@router.post(
    "/licenses",
    status_code=201,
    response_model=NewGrant,
    responses=CHANGING,
    operation_id="license_image",
    summary="License an image",
)
async def license_image(
    body: LicenseBody, state: State, actor: Actor, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """Say what an image is for; if that is allowed, it is recorded and the file can be fetched."""
    return JSONResponse(await state.run(_grant, state, actor, body, language(lang, accept_language)), 201)


@router.get(
    "/licenses/{grant_id}",
    response_model=GrantItem,
    responses=READING,
    operation_id="get_license",
    summary="Show a grant",
)
async def get_license(grant_id: GrantId, state: State) -> JSONResponse:
    """One grant."""
    return JSONResponse(_grant_item(await state.run(state.rights.get, grant_id)))


@router.get(
    "/licenses/{grant_id}/file",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(403, 404, 410, 413, 415, 422, 503, 507),
    },
    operation_id="download_file",
    summary="Fetch the file of a grant",
)
async def download_file(
    grant_id: GrantId,
    state: State,
    actor: Actor,
    size: Annotated[Size, Query(description="`original`, or the longest side in pixels.")] = "original",
    format: Annotated[  # noqa: A002 - its name on the wire
        Format, Query(description="`original` keeps it where the size stays, else JPEG.")
    ] = "original",
) -> Response:
    """The picture with its rights written into it (XMP); recorded before the first byte goes."""
    return (await state.run(deliver, state, actor, grant_id, size, format)).response()


@router.get(
    "/downloads",
    response_model=DownloadList,
    responses=responses(422, 503),
    operation_id="list_downloads",
    summary="List downloads",
)
async def list_downloads(asked: Annotated[DownloadQuery, Query()], state: State) -> JSONResponse:
    """What was handed out, newest first: who, what, under which grant."""
    found = await state.run(_history, state, asked, asked.per_page + 1)
    shown = found[: asked.per_page]
    return JSONResponse(
        {"results": [_download(*pair) for pair in shown], "has_more": len(found) > len(shown)}
    )


@router.get(
    "/downloads.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **responses(422, 503)},
    operation_id="export_downloads",
    summary="Export downloads",
)
async def export_downloads(asked: Annotated[DownloadQuery, Query()], state: State) -> StreamingResponse:
    """The same as CSV for a spreadsheet, up to a hundred thousand."""
    found = await state.run(_history, state, asked, CSV_ROWS)
    headers = {"content-disposition": 'attachment; filename="downloads.csv"'}
    return StreamingResponse(_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


def _agree(state: ServerState, actor: str, body: NewAgreement) -> Agreement:
    state.library.catalog.supplier(body.supplier)  # an unknown one is refused
    return state.rights.agree(actor, Agreement("", body.supplier, **_terms(body)))


def _terms(body: AgreementBody) -> dict[str, Any]:
    return {
        "title": body.title,
        "purposes": tuple(body.purposes),
        "media": tuple(body.media),
        "territories": tuple(body.territories),
        "starts": body.starts,
        "ends": body.ends,
        "notice_days": body.notice_days,
        "note": body.note,
    }


def _grant(state: ServerState, actor: str, body: LicenseBody, lang: Language) -> dict[str, Any]:
    record = shown_record(state, body.image_id)
    use = body.to_use()
    made = state.rights.grant(actor, record, use, body.project)
    supplier = state.suppliers().get(record.supplier)
    return _grant_item(made) | {
        "duties": list(state.rights.check(record, use).duties),
        "attribution": attribution_of(record, lang, supplier),
        "download_location": f"/api/v1/licenses/{made.grant_id}/file",
    }


def _uses(state: ServerState, image_id: str) -> dict[str, Any]:
    shown_record(state, image_id)
    seen: dict[str, dict[str, Any]] = {}
    for _, grant in state.rights.history(image_id=image_id, limit=200):
        use = {"project": grant.project, "purpose": grant.purpose, "medium": grant.medium}
        seen.setdefault(grant.grant_id, use | {"at": iso(grant.at)})
    held = [{"id": each.collection_id, "name": each.name} for each in state.collections.holding(image_id)]
    return {"projects": list(seen.values()), "collections": held}


def _history(state: ServerState, asked: DownloadQuery, limit: int) -> list[tuple[Download, Grant]]:
    return state.rights.history(
        image_id=asked.image_id, who=asked.who, supplier=asked.supplier, before=asked.before, limit=limit
    )


def _agreement(agreement: Agreement, ending: set[str]) -> dict[str, Any]:
    values = asdict(agreement)
    return {
        "id": values.pop("agreement_id"),
        **values,
        "runs": agreement.runs(datetime.now().astimezone().date()),
        "ending": agreement.agreement_id in ending,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "allowed": verdict.allowed,
        "reasons": list(verdict.reasons),
        "duties": list(verdict.duties),
        "until": verdict.until,
    }


def _grant_item(grant: Grant) -> dict[str, Any]:
    values = asdict(grant)
    return {"id": values.pop("grant_id"), **values, "at": iso(grant.at)}


def _download(download: Download, grant: Grant) -> dict[str, Any]:
    values = asdict(download)
    values.pop("grant_id")
    return {
        "id": values.pop("download_id"), **values, "at": iso(download.at), "grant": _grant_item(grant)
    }  # fmt: skip


def _csv(found: list[tuple[Download, Grant]]) -> Iterator[str]:
    """Lines; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    columns = (
        "at", "who", "image_id", "supplier", "license", "purpose", "medium", "territory", "until", "modify",
        "project", "size", "format", "bytes", "sha256", "grant_id", "download_id",
    )  # fmt: skip
    yield "\ufeff" + ",".join(columns) + "\r\n"
    for download, grant in found:
        values = asdict(grant) | asdict(download) | {"at": iso(download.at)}
        line = io.StringIO()
        csv.writer(line).writerow([_cell(values[name]) for name in columns])
        yield line.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
