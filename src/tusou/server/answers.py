"""From a search request to the JSON of its answer; the API and the page share it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tusou.search.item import item_of
from tusou.server.asker import Asker, log_answer
from tusou.server.cursors import cursor_of, offset_of
from tusou.server.media_urls import media_urls
from tusou.server.parameters import PageParameters
from tusou.server.state import ServerState
from tusou.types import Language, SearchPage, SearchRequest, Supplier

Json = dict[str, Any]


async def answer(
    state: ServerState, request: SearchRequest, page: PageParameters, lang: Language, asker: Asker
) -> Json:
    """Search, log and write the answer.

    Args:
        state: The running server.
        request: What is searched; its offset gives way to the page's cursor when there is one.
        page: Which part of the answer, in which form.
        lang: Language of the texts.
        asker: Who asks, for the event log.

    Raises:
        QueryError: The query cannot be understood, or the cursor is not one of this search.
    """
    if page.cursor is not None:
        request = replace(request, offset=offset_of(page.cursor, request))
    found = await state.search(request)
    log_answer(state, asker, request, found)
    suppliers = await state.run(state.suppliers)
    return answer_item(request, found, lang, suppliers, page.fields)


def answer_item(
    request: SearchRequest,
    found: SearchPage,
    lang: Language,
    suppliers: Mapping[str, Supplier],
    fields: str | None = None,
) -> Json:
    """A page of results as the API writes it."""
    end = request.offset + len(found.hits)
    has_more = bool(found.hits) and end < found.total
    results = [
        item_of(hit, lang, supplier=suppliers.get(hit.image.supplier), urls=media_urls) for hit in found.hits
    ]
    return {
        "query_id": found.query_id,
        "results": [select_fields(item, fields) for item in results],
        "total": found.total,
        "relevant": found.relevant,
        "more_relevant": found.more_relevant,
        "total_pages": math.ceil(found.total / request.limit),
        "next_cursor": cursor_of(request, end) if has_more else None,
        "has_more": has_more,
        "facets": {
            field: [{"value": value, "count": count} for value, count in counts]
            for field, counts in found.facets.items()
        },
        "notes": list(found.notes),
        "timings": {stage: round(milliseconds, 3) for stage, milliseconds in found.timings.items()},
    }


def select_fields(item: Json, fields: str | None) -> Json:
    """Keep the fields asked for, and the id; unknown names are left out."""
    if fields is None:
        return item
    wanted = {"id", *fields.split(",")}
    return {name: value for name, value in item.items() if name in wanted}
