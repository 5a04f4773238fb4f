"""Help while typing: suggestions, what was meant by a slip, related searches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tusou.search.parse import MAX_CHARACTERS, parse_query
from tusou.server.parameters import language
from tusou.server.problems import responses
from tusou.server.routes.images import Lang
from tusou.server.routes.search import AcceptLanguage
from tusou.server.state import ServerState, State
from tusou.types import Language, SearchRequest

router = APIRouter(prefix="/api/v1/search", tags=["search"])

LOOKED_AT = 60
"""Images of an answer whose keywords make the related searches."""

Typed = Annotated[str, Query(max_length=MAX_CHARACTERS, description="What was typed so far.")]
Words = Annotated[str, Query(min_length=1, max_length=MAX_CHARACTERS, description="What was searched.")]


class SuggestionItem(BaseModel):
    """A phrase on offer."""

    text: str
    kind: Literal["query", "keyword", "title"] = Field(description="Where it comes from.")
    count: int = Field(description="Images that carry it, or times it was asked.")


class Suggestions(BaseModel):
    """Phrases that continue what was typed, best first."""

    q: str
    results: list[SuggestionItem]


class RelatedSearches(BaseModel):
    """Where to go from an answer."""

    q: str
    correction: str = Field(description="What was probably meant; empty when the words are known.")
    results: list[str] = Field(
        description="Keywords typical of the answer; of the other language where the page's has none."
    )


@router.get(
    "/suggestions",
    response_model=Suggestions,
    responses=responses(422, 503),
    operation_id="suggest",
    summary="Suggest searches while typing",
)
async def suggest(
    state: State,
    q: Typed = "",
    lang: Lang = "auto",
    limit: Annotated[int, Query(ge=1, le=20, description="Most suggestions.")] = 8,
    accept_language: AcceptLanguage = "",
) -> JSONResponse:
    """Keywords, titles and frequent searches by their beginning, by pinyin, by initials, by a near spelling.

    Without words, what people search most.
    """
    if not q.strip():
        popular = list(state.suggestions.popular.items())[:limit]
        items = [{"text": text, "kind": "query", "count": count} for text, count in popular]
        return JSONResponse({"q": q, "results": items})
    found = state.suggestions.table.suggest(q, limit, language(lang, accept_language))
    items = [{"text": each.text, "kind": each.kind, "count": each.count} for each in found]
    return JSONResponse({"q": q, "results": items})


@router.get(
    "/related",
    response_model=RelatedSearches,
    responses=responses(422, 503),
    operation_id="related_searches",
    summary="Suggest related searches",
)
async def related(
    q: Words, state: State, lang: Lang = "auto", accept_language: AcceptLanguage = ""
) -> JSONResponse:
    """What was probably meant by a slip, and keywords typical of what these words find.

    Nothing for filters without words.
    """
    return JSONResponse(await state.run(_related, state, q, language(lang, accept_language)))


def _related(state: ServerState, q: str, lang: Language) -> dict[str, Any]:
    table = state.suggestions.table
    words = parse_query(q, state.engine.analyzer).text
    if not words:
        return {"q": q, "correction": "", "results": []}
    page = state.engine.search(SearchRequest(q=q, limit=LOOKED_AT, group_copies=True))
    images = [hit.image for hit in page.hits[: page.relevant or None]]
    other: Language = "en" if lang == "zh" else "zh"
    results = table.related(words, images, lang) or table.related(words, images, other)
    return {"q": q, "correction": table.correct(words), "results": results}
