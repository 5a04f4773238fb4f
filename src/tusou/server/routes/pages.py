"""The page. It comes with the first answer in it, so it shows results before (and without) any script."""

from __future__ import annotations

import secrets
from dataclasses import replace
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from tusou.catalog.licenses import LICENSES
from tusou.errors import Expired, ImageNotFound, TusouError
from tusou.feedback.clients import CLIENT_COOKIE
from tusou.feedback.records import PAGE
from tusou.index.colors import NAMED_COLORS
from tusou.search.attribution import short_name
from tusou.search.item import image_item
from tusou.server.actor import account
from tusou.server.answers import Json, answer
from tusou.server.asker import Asker, asker_of
from tusou.server.json_ld import image_object
from tusou.server.locales import LOCALES
from tusou.server.media_urls import media_urls
from tusou.server.parameters import SearchParameters, language, request_of
from tusou.server.routes.library import license_items, limits_item, supplier_items
from tusou.server.shown import shown_record
from tusou.server.state import ServerState, State
from tusou.types import Language

router = APIRouter(include_in_schema=False)

RESULTS_PER_PAGE = 40
POPULAR = 8
LISTS = ("supplier", "exclude_supplier", "license", "license_type", "orientation", "color", "format")
SINGLES = ("q", "sort", "usage", "medium", "megapixels", "color_tolerance", "page")
PICTURES = ("image_id", "image_url")

_scripts = sorted(
    script.name
    for script in (files("tusou.server") / "static" / "js").iterdir()
    if script.name not in ("judge.js", "collections.js", "sign-in.js", "manage.js", "charts.js", "upload.js")
)
templates = Environment(loader=PackageLoader("tusou.server"), autoescape=True, trim_blocks=True)


@router.get("/", response_class=HTMLResponse)
async def page(request: Request, state: State) -> HTMLResponse:
    """The home, or the first page of an answer; the script reads the same data."""
    query = request.query_params
    lang = language(query.get("lang", "auto"), request.headers.get("accept-language", ""))
    is_home = not (is_search(query) or _has_picture(query))
    asker = replace(asker_of(request), application=PAGE)
    new_client = _new_client(state, asker)
    asker = replace(asker, client=asker.client or new_client)
    found, problem = await _first_answer(state, query, lang, asker)
    boot = await state.run(_boot, state, lang, is_home) | {"answer": found}
    boot["feedback"] = {"logs": state.feedback is not None, "opted_out": asker.opted_out}
    viewed = await state.run(_viewed, state, query.get("view", ""), lang)
    html = templates.get_template("page.html").render(
        t=LOCALES[lang],
        lang=lang,
        boot=boot,
        modules=_scripts,
        problem=problem,
        item=viewed,
        json_ld=image_object(viewed, str(request.base_url)) if viewed else None,
        query=query,
        links=_links(query, lang, found),
        is_home=is_home,
        account=account(request),
        count=len(state.engine.index),
    )
    response = HTMLResponse(html, headers={"vary": "Accept-Language"})
    if new_client:  # a session cookie: it ends with the browser
        response.set_cookie(CLIENT_COOKIE, new_client, httponly=True, samesite="strict")
    return response


def _new_client(state: ServerState, asker: Asker) -> str:
    """A random number for a client the event log does not know yet; empty where nothing is logged."""
    logs = state.feedback is not None and not asker.opted_out
    return secrets.token_hex(16) if logs and not asker.client else ""


async def _first_answer(
    state: ServerState, query: QueryParams, lang: Language, asker: Asker
) -> tuple[Json | None, str]:
    """The answer the address asks for, or what is wrong with it; a picture's is left to the script."""
    if _has_picture(query) or not is_search(query):
        return None, ""
    try:
        asked = search_parameters(query, lang)
        request = request_of(asked, asked.to_filters(), lang)
        return await answer(state, request, asked, lang, asker), ""
    except TusouError as error:
        return None, str(error)
    except ValidationError as error:
        return None, "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())


def search_parameters(query: QueryParams, lang: Language) -> SearchParameters:
    """Those parameters of an address that the API knows; the rest belongs to the page."""
    known: dict[str, Any] = {name: query.getlist(name) for name in LISTS if name in query}
    known |= {name: query[name] for name in SINGLES if query.get(name)}
    return SearchParameters(
        **known, lang=lang, per_page=RESULTS_PER_PAGE, explain=True, facets=query.get("page", "1") == "1"
    )


def is_search(query: QueryParams) -> bool:
    """Whether an address asks for something by words, filters or an order."""
    asked = (
        query.get("q", "").strip()
        or query.get("sort", "relevance") != "relevance"
        or query.get("megapixels")
        or query.get("usage")
    )
    return bool(asked) or any(query.get(name) for name in LISTS)


def _has_picture(query: QueryParams) -> bool:
    return any(query.get(name) for name in PICTURES)


def _boot(state: ServerState, lang: Language, is_home: bool) -> Json:
    """What the script needs to start: strings, tables, the home."""
    home = state.home.content(state.library.catalog, state.rights.withheld())
    return {
        "lang": lang,
        "strings": LOCALES[lang],
        "suppliers": {item["name"]: item for item in supplier_items(state)},
        "licenses": license_table(lang),
        "colors": [
            {"name": name, "hex": "#{:02x}{:02x}{:02x}".format(*rgb), "label": LOCALES[lang][f"color_{name}"]}
            for name, rgb in NAMED_COLORS.items()
        ],
        "limits": limits_item(state),
        "examples": home.examples[lang],
        "popular": list(state.suggestions.popular)[:POPULAR],
        "themes": [
            {"word": word, "image": image_item(record, lang, urls=media_urls)}
            for word, record in home.themes[lang]
        ]
        if is_home
        else [],
        "mosaic": [image_item(record, lang, urls=media_urls) for record in home.mosaic] if is_home else [],
    }


def license_table(lang: Language) -> Json:
    """Licence table by code, each with the few letters that fit a card."""
    return {item["code"]: item | {"label": _label(item["code"], lang)} for item in license_items(lang)}


def _label(code: str, lang: Language) -> str:
    """A licence in the few letters that fit a card."""
    if code in ("CC-PDM-1.0", "LicenseRef-PublicDomain"):
        return LOCALES[lang]["public_domain"]
    if code.startswith("CC-"):
        return short_name(LICENSES[code], lang)
    short = code.removeprefix("LicenseRef-").replace("-or-later", "+").replace("-only", "")
    return "CC0" if code == "CC0-1.0" else short.replace("-", " ")


def _viewed(state: ServerState, image_id: str, lang: Language) -> Json | None:
    """The image the address shows large, for readers without a script."""
    if not image_id:
        return None
    try:
        record = shown_record(state, image_id)
    except (ImageNotFound, Expired):
        return None
    return image_item(record, lang, supplier=state.suppliers().get(record.supplier), urls=media_urls)


def _links(query: QueryParams, lang: Language, found: Json | None) -> dict[str, str]:
    """Addresses next to this one: the other languages, the next page."""
    pairs = [(name, value) for name, value in query.multi_items() if name not in ("lang", "page", "view")]
    links: dict[str, str] = {other: "/?" + urlencode([*pairs, ("lang", other)]) for other in LOCALES}
    if found and found["has_more"]:
        following = int(query.get("page", "1")) + 1
        links["next"] = "/?" + urlencode([*pairs, ("lang", lang), ("page", following)])
    links["home"] = f"/?lang={lang}" if "lang" in query else "/"
    return links
