"""Judging: what to grade next, grades of several judges, and how far they agree."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tusou.errors import FeedbackError
from tusou.evaluation.qrels import MAX_GRADE
from tusou.feedback.opinions import LONGEST_JUDGE, OpinionStore, agreement_of
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.search.item import image_item
from tusou.search.judging import Need, needs, next_images
from tusou.search.parse import MAX_CHARACTERS
from tusou.server.json_values import number_only
from tusou.server.locales import LOCALES
from tusou.server.media_urls import media_urls
from tusou.server.parameters import language
from tusou.server.problems import responses
from tusou.server.routes.images import Lang
from tusou.server.routes.pages import templates
from tusou.server.routes.search import AcceptLanguage
from tusou.server.state import ServerState, State

pages = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/api/v1/judging", tags=["judging"])

BATCH = 20
MOST_QUERIES = 30
"""Queries whose needs are worked out; each costs a search."""

Words = Annotated[str, Query(min_length=1, max_length=MAX_CHARACTERS, description="Words of the query.")]
Judge = Annotated[str, Query(min_length=1, max_length=LONGEST_JUDGE, description="Who judges.")]
Grade = Annotated[int, Field(ge=0, le=MAX_GRADE), BeforeValidator(number_only)]


class JudgingImage(BaseModel):
    """An image to grade: the picture and nothing that would tell who found it or how high."""

    id: str
    width: int
    height: int
    thumb_hash: str
    urls: dict[str, str]


class JudgingBatch(BaseModel):
    """Images to grade, in random order."""

    q: str
    images: list[JudgingImage]


class JudgingNeed(BaseModel):
    """A query and what its judgments lack."""

    q: str
    unjudged: int = Field(description="Of the first ten images, those nobody graded.")
    shown: int = Field(description="Images among the first ten.")
    asked: int = Field(description="Times people searched for it, as far as the event log reaches.")
    judges: dict[str, int] = Field(description="Judge to the number of images graded.")


class JudgingNeeds(BaseModel):
    """Queries, those first whose judgment would help most people."""

    queries: list[JudgingNeed]


class Grades(BaseModel):
    """Body of `POST /judging/grades`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"q": "雪山", "judge": "li", "grades": {"4xd23qllkntkorbs": 3}}},
    )

    q: str = Field(min_length=1, max_length=MAX_CHARACTERS)
    judge: str = Field(min_length=1, max_length=LONGEST_JUDGE)
    grades: dict[Annotated[str, Field(max_length=100)], Grade] = Field(
        min_length=1,
        max_length=100,
        description="Image id to grade: 3 exactly what was asked, 2 relevant, 1 marginal, 0 not relevant.",
    )


class GradesReceipt(BaseModel):
    """What became of the grades."""

    written: int = Field(description="Durable; a grade given before was replaced.")


class Pair(BaseModel):
    """How far two judges agree."""

    judges: list[str] = Field(min_length=2, max_length=2, description="The two of them.")
    images: int = Field(description="(query, image) pairs both graded.")
    kappa: float | None = Field(description="Cohen's, quadratic weights; null where nothing can be told.")


class Agreement(BaseModel):
    """Agreement of every two judges, and the mean, weighted by what both graded."""

    pairs: list[Pair]
    kappa: float | None


@router.get(
    "/queries",
    response_model=JudgingNeeds,
    responses=responses(503),
    operation_id="list_judging_needs",
    summary="Say which queries need judgments",
)
async def list_needs(state: State) -> JSONResponse:
    """Judged queries and the most frequent searches of the event log, most urgent first."""
    return JSONResponse({"queries": [_need_item(need) for need in await state.run(_needs, state)]})


@router.get(
    "/images",
    response_model=JudgingBatch,
    responses=responses(422, 503),
    operation_id="next_judging_images",
    summary="Give images to grade next",
)
async def list_images(q: Words, judge: Judge, state: State) -> JSONResponse:
    """Up to twenty images of a query this judge has not graded, shuffled; empty when there are none left."""
    return JSONResponse({"q": q, "images": await state.run(_images, state, q, judge)})


@router.post(
    "/grades",
    response_model=GradesReceipt,
    responses=responses(400, 403, 404, 413, 422, 503, 507),
    operation_id="report_grades",
    summary="Keep grades",
)
async def report_grades(body: Grades, state: State) -> JSONResponse:
    """Keep a judge's grades, all or none; the answer comes once they are durable."""
    await state.run(_keep, state, body)
    return JSONResponse({"written": len(body.grades)})


@router.get(
    "/agreement",
    response_model=Agreement,
    responses=responses(503),
    operation_id="show_agreement",
    summary="Say how far judges agree",
)
async def show_agreement(state: State) -> JSONResponse:
    """Weighted kappa of every two judges over what both graded."""
    return JSONResponse(await state.run(_agreement, state))


@pages.get("/judge", response_class=HTMLResponse)
async def judge_page(
    request: Request, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> HTMLResponse:
    """The judging page; its script asks the routes above."""
    chosen = language(lang, accept_language)
    strings = {name: text for name, text in LOCALES[chosen].items() if name.startswith("judge_")}
    html = templates.get_template("judge.html").render(
        t=LOCALES[chosen], lang=chosen, boot={"lang": chosen, "strings": strings}, query=request.query_params
    )
    return HTMLResponse(html, headers={"vary": "Accept-Language"})


def _need_item(need: Need) -> dict[str, Any]:
    return {
        "q": need.q,
        "unjudged": need.unjudged,
        "shown": need.shown,
        "asked": need.asked,
        "judges": dict(need.judges),
    }


def _needs(state: ServerState) -> list[Need]:
    asked = _frequent(state)
    with OpinionStore(state.library.path) as store:
        queries = dict(list(store.queries().items())[:MOST_QUERIES])
        opinions = {q: store.of_query(q) for q in (*queries, *asked)}
    return needs(state.engine, queries, asked, opinions)


def _frequent(state: ServerState) -> dict[str, int]:
    """The most frequent searches of the event log by words, and how often each was asked."""
    path = state.library.path / FILE_NAME
    if not path.exists():
        return {}
    with EventStore(path, read_only=True) as log:
        return log.frequent_queries(MOST_QUERIES)


def _images(state: ServerState, q: str, judge: str) -> list[dict[str, Any]]:
    with OpinionStore(state.library.path) as store:
        opinions = store.of_query(q)
    records = next_images(state.engine, q, judge.strip(), opinions, BATCH)
    kept = ("id", "width", "height", "thumb_hash", "urls")
    items = [image_item(record, "en", urls=media_urls) for record in records]
    return [{name: item[name] for name in kept} for item in items]


def _keep(state: ServerState, body: Grades) -> None:
    known = state.library.catalog.get_many(list(body.grades))
    if missing := sorted(image_id for image_id in body.grades if image_id not in known):
        raise FeedbackError(
            f"{len(missing)} of {len(body.grades)} judged images are not in the library, first {missing[0]}; "
            "nothing was kept",
            reason="unknown_image",
        )
    with OpinionStore(state.library.path) as store:
        store.add(body.q, body.judge, body.grades)


def _agreement(state: ServerState) -> dict[str, Any]:
    with OpinionStore(state.library.path) as store:
        return agreement_of(store.all())
