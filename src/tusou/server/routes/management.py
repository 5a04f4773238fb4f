"""For managers: the dashboard, suppliers' health, rules, and the page that shows them."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tusou.catalog.health import supplier_health
from tusou.feedback.activity import by_day, by_image, by_place, by_query
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.office.uses import ending_soon
from tusou.ranking.convex import ConvexCombination
from tusou.ranking.rules import Kind, Rule, RuleStore
from tusou.ranking.store import RankerStore
from tusou.server.actor import Actor, account
from tusou.server.json_values import number_only
from tusou.server.locales import LOCALES
from tusou.server.moments import ZonedMoment, iso
from tusou.server.parameters import language
from tusou.server.problems import responses
from tusou.server.routes.images import Lang
from tusou.server.routes.library import supplier_items
from tusou.server.routes.pages import license_table, templates
from tusou.server.routes.search import AcceptLanguage
from tusou.server.shown import shown_items
from tusou.server.state import ServerState, State
from tusou.types import Language

router = APIRouter(prefix="/api/v1", tags=["management"])
pages = APIRouter(include_in_schema=False)

TOP_IMAGES = 12
CHANGING = responses(400, 403, 404, 409, 413, 422, 503, 507)


class DayItem(BaseModel):
    """One day."""

    day: str = Field(description="ISO 8601, UTC.")
    searches: int
    nothing: int = Field(description="Searches that found no image.")
    weak: int = Field(description="Searches in which nothing matched well.")
    clicks: int
    downloads: int


class AskedItem(BaseModel):
    """A query several people asked."""

    q: str
    searches: int
    nothing: int
    weak: int
    clicked: int = Field(description="Searches in which an image was opened or taken.")
    downloads: int


class PlaceItem(BaseModel):
    """A place of the answer."""

    rank: int
    impressions: int
    clicks: int


class StageItem(BaseModel):
    """A stage of searching since the server started."""

    stage: str
    count: int
    mean_ms: float


class SupplierClicks(BaseModel):
    """What people did with a supplier's images."""

    supplier: str
    impressions: int
    clicks: int
    downloads: int


class ModelsInUse(BaseModel):
    """What ranks and recognises."""

    model: str
    ranker: str
    cutoff: bool = Field(description="A calibrated cut-off is in use.")


class Dashboard(BaseModel):
    """What people look for, and how the library serves them."""

    days: list[DayItem]
    queries: list[AskedItem] = Field(description="Asked at least three times, the most frequent first.")
    images: list[dict[str, Any]] = Field(description="Images taken or opened most, with their figures.")
    suppliers: list[SupplierClicks]
    places: list[PlaceItem]
    stages: list[StageItem]
    in_use: ModelsInUse
    ending: list[dict[str, str]] = Field(description="Agreements whose end is near: supplier, title, ends.")


class HealthItem(BaseModel):
    """How well a supplier delivers."""

    supplier: str
    title: str
    images: int
    untitled: int
    without_keywords: int
    without_license: int
    doubled: int = Field(description="Images whose bytes another image has as well.")
    warned: int
    removed: int
    delivered: int
    refused: int
    last_job: str | None
    withheld: bool = Field(description="Its agreements ended: nothing of it is shown.")


class HealthList(BaseModel):
    """Suppliers by name."""

    results: list[HealthItem]


class RuleBody(BaseModel):
    """Body of `POST /rules`; see docs/guides/rules.md."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    query: str = Field(default="", max_length=512)
    target: str = Field(min_length=1, max_length=512)
    rank: Annotated[int, Field(ge=1, le=100), BeforeValidator(number_only)] = 1
    amount: Annotated[float, Field(ge=0, le=1), BeforeValidator(number_only)] = 0.0
    until: ZonedMoment | None = None
    note: str = Field(default="", max_length=1000)


class RuleItem(BaseModel):
    """A manager's rule."""

    rule_id: int
    kind: Kind
    query: str
    target: str
    rank: int
    amount: float
    until: str | None
    note: str
    created: str
    created_by: str
    holds: bool = Field(description="It has not ended.")


class RuleList(BaseModel):
    """Rules, oldest first."""

    results: list[RuleItem]


@router.get(
    "/dashboard",
    response_model=Dashboard,
    responses=responses(422, 503),
    operation_id="show_dashboard",
    summary="Dashboard",
)
async def show_dashboard(
    state: State,
    days: Annotated[int, Query(ge=1, le=365, description="How far back.")] = 30,
    lang: Lang = "auto",
    accept_language: AcceptLanguage = "",
) -> JSONResponse:
    """Searches, clicks and downloads of the last days, by query, image, supplier, place; time per stage."""
    return JSONResponse(await state.run(_dashboard, state, days, language(lang, accept_language)))


@router.get(
    "/suppliers/health",
    response_model=HealthList,
    responses=responses(503),
    operation_id="show_supplier_health",
    summary="Suppliers' health",
)
async def show_health(state: State) -> JSONResponse:
    """What suppliers' images lack, what they bring twice, what was refused of them."""
    return JSONResponse({"results": await state.run(_health, state)})


@router.get(
    "/rules",
    response_model=RuleList,
    responses=responses(503),
    operation_id="list_rules",
    summary="List rules",
)
async def list_rules(state: State) -> JSONResponse:
    """Pins, boosts, burials and synonyms, ended ones too."""
    found = await state.run(RuleStore(state.library.path).all)
    return JSONResponse({"results": [_rule(rule) for rule in found]})


@router.post(
    "/rules",
    status_code=201,
    response_model=RuleItem,
    responses=CHANGING,
    operation_id="add_rule",
    summary="Make a rule",
)
async def add_rule(body: RuleBody, state: State, actor: Actor) -> JSONResponse:
    """Pin, raise or lower images, or add a synonym; answers follow at once."""
    return JSONResponse(_rule(await state.run(_add_rule, state, actor, body)), 201)


@router.delete(
    "/rules/{rule_id}",
    status_code=204,
    responses=CHANGING,
    operation_id="remove_rule",
    summary="Take a rule away",
)
async def remove_rule(
    rule_id: Annotated[int, Path(ge=1, le=10**9, description="`rule_id` of a rule.")],
    state: State,
    actor: Actor,
) -> Response:
    """Take a rule away."""
    await state.run(_remove_rule, state, actor, rule_id)
    return Response(status_code=204)


@pages.get("/manage", response_class=HTMLResponse)
async def manage_page(
    request: Request, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> HTMLResponse:
    """The page for managers; its script asks the API."""
    chosen = language(lang, accept_language)
    boot = {
        "lang": chosen,
        "strings": LOCALES[chosen],
        "suppliers": {item["name"]: item for item in await state.run(supplier_items, state)},
        "licenses": license_table(chosen),
        "permissions": sorted(account(request).permissions),
        "accounts": state.has_accounts(),
        "feedback": {"logs": False, "opted_out": True},
    }
    html = templates.get_template("manage.html").render(
        t=LOCALES[chosen], lang=chosen, boot=boot, query=request.query_params, account=account(request)
    )
    return HTMLResponse(html, headers={"vary": "Accept-Language"})


def _dashboard(state: ServerState, days: int, lang: Language) -> dict[str, Any]:
    since = int((time.time() - days * 86_400) * 1000)
    log = _activity(state, since, lang)
    engine = state.engine
    return log | {
        "stages": _stages(state),
        "in_use": {
            "model": engine.encoder.model_id,
            "ranker": RankerStore(state.library.path).live() or ConvexCombination.name,
            "cutoff": engine.cutoff() is not None,
        },
        "ending": [
            {"supplier": each.supplier, "title": each.title, "ends": each.ends}
            for each in ending_soon(state.rights.agreements())
        ],
    }


def _activity(state: ServerState, since: int, lang: Language) -> dict[str, Any]:
    path = state.library.path / FILE_NAME
    if not path.exists():
        return {"days": [], "queries": [], "images": [], "suppliers": [], "places": []}
    with EventStore(path, read_only=True) as log:
        images = by_image(log, since)
        return {
            "days": [asdict(each) | {"day": _day(each.day)} for each in by_day(log, since)],
            "queries": [asdict(each) for each in by_query(log, since)],
            "places": [
                {
                    "rank": int(each.key),
                    "impressions": each.impressions,
                    "clicks": each.clicks + each.downloads,
                }
                for each in by_place(log, since)
            ],
            "images": _top_images(state, [each for each in images if each.clicks or each.downloads], lang),
            "suppliers": _by_supplier(state, images),
        }


def _top_images(state: ServerState, images: list[Any], lang: Language) -> list[dict[str, Any]]:
    top = images[: 2 * TOP_IMAGES]
    items = shown_items(state, [each.key for each in top], lang)
    shown = [
        {
            "id": item["id"], "title": item["title"], "thumb": item["urls"]["thumb"], "width": item["width"],
            "height": item["height"], "clicks": each.clicks, "downloads": each.downloads,
        }
        for each, item in zip(top, items, strict=True)
        if not item["gone"]
    ]  # fmt: skip
    return shown[:TOP_IMAGES]


def _by_supplier(state: ServerState, images: list[Any]) -> list[dict[str, Any]]:
    records = state.library.catalog.get_many([each.key for each in images])
    sums: dict[str, list[int]] = {}
    for each in images:
        if each.key in records:
            total = sums.setdefault(records[each.key].supplier, [0, 0, 0])
            for place, value in enumerate((each.impressions, each.clicks, each.downloads)):
                total[place] += value
    return [
        {"supplier": name, "impressions": total[0], "clicks": total[1], "downloads": total[2]}
        for name, total in sorted(sums.items(), key=lambda pair: (-pair[1][1], pair[0]))
    ]


def _stages(state: ServerState) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, float]] = {}
    for metric in state.metrics.stages.collect():
        for sample in metric.samples:
            kind = sample.name.rsplit("_", 1)[1]
            if kind in ("sum", "count"):
                sums.setdefault(sample.labels["stage"], {})[kind] = sample.value
    return [
        {"stage": stage, "count": int(each["count"]), "mean_ms": round(1000 * each["sum"] / each["count"], 3)}
        for stage, each in sums.items()
        if each.get("count")
    ]


def _health(state: ServerState) -> list[dict[str, Any]]:
    withheld, titles = state.rights.withheld(), state.suppliers()
    return [
        asdict(each)
        | {
            "title": titles[each.supplier].title or each.supplier,
            "last_job": None if each.last_job is None else iso(each.last_job),
            "withheld": each.supplier in withheld,
        }
        for each in supplier_health(state.library.catalog)
    ]


def _add_rule(state: ServerState, actor: str, body: RuleBody) -> Rule:
    if body.target.startswith("image:"):
        state.library.catalog.get(body.target.removeprefix("image:"))  # an unknown one is refused
    made = RuleStore(state.library.path).add(
        body.kind, body.query, body.target, rank=body.rank, amount=body.amount, until=body.until,
        note=body.note, created_by=actor,
    )  # fmt: skip
    with state.office.changing(actor) as change:
        change.record("rule.add", f"rule/{made.rule_id}", after=made.model_dump(mode="json"))
    return made


def _remove_rule(state: ServerState, actor: str, rule_id: int) -> None:
    gone = RuleStore(state.library.path).remove(rule_id)
    with state.office.changing(actor) as change:
        change.record("rule.remove", f"rule/{rule_id}", gone.model_dump(mode="json"))


def _rule(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json") | {"holds": rule.holds(datetime.now(UTC))}


def _day(number: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date().isoformat()
