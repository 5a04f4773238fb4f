"""What is found of an image when somebody sends it in: is it one, is it here already, what may it show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tusou.server.media_urls import media_urls
from tusou.server.state import ServerState
from tusou.text.normalize import normalize
from tusou.types import Hit, ImageAnalysis, ImageRecord, Language, SearchRequest

NEIGHBOURS = 40
"""Images that look most like it, whose keywords vote."""

SUGGESTIONS = 12
LEAST_SHARE = 0.08
"""Part of the votes a keyword needs to be suggested."""

MOST_COPIES = 5
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def check_image(state: ServerState, data: bytes, name: str) -> tuple[ImageAnalysis, dict[str, Any]]:
    """Look at an image before it is kept.

    Args:
        state: The running server.
        data: The whole file.
        name: Its name, as sent.

    Returns:
        What imaging measured, and what a reviewer should know, as JSON values: ``copies`` already in the
        library, ``suggestions`` of keywords by language, ``warnings``.

    Raises:
        DecodeError: It is no picture, or breaks a limit.
    """
    analysis = state.workers.analyze(data, name)
    same = state.engine.search(SearchRequest(image=data, mode="same", limit=MOST_COPIES))
    like = state.engine.search(SearchRequest(image=data, limit=NEIGHBOURS))
    return analysis, {
        "copies": [_copy(hit, analysis.sha256) for hit in same.hits],
        "suggestions": {lang: suggested(like.hits, lang) for lang in LANGUAGES},
        "warnings": list(analysis.warnings),
    }


def suggested(hits: Iterable[Hit], lang: Language) -> list[dict[str, Any]]:
    """Keywords of the images that look most like it, each with its share of the votes, largest first.

    An image votes with how far its score lies above the least of them, so that the nearest count most. The
    share says how agreed the neighbours are; it is no probability.
    """
    found = list(hits)
    least = min((hit.score for hit in found), default=0.0)
    votes: defaultdict[str, float] = defaultdict(float)
    shown: dict[str, str] = {}
    total = 0.0
    for hit in found:
        weight = hit.score - least
        keywords = {normalize(keyword): keyword for keyword in _keywords(hit.image, lang)}
        total += weight if keywords else 0.0
        for spelling, keyword in keywords.items():
            votes[spelling] += weight
            shown.setdefault(spelling, keyword)
    ranked = sorted(votes, key=lambda spelling: (-votes[spelling], spelling))[:SUGGESTIONS]
    return [
        {"keyword": shown[spelling], "share": round(votes[spelling] / total, 3)}
        for spelling in ranked
        if total > 0 and votes[spelling] / total >= LEAST_SHARE
    ]


def _keywords(record: ImageRecord, lang: Language) -> tuple[str, ...]:
    return record.metadata.keywords_zh if lang == "zh" else record.metadata.keywords_en


def _copy(hit: Hit, sha256: str) -> dict[str, Any]:
    record = hit.image
    return {
        "id": record.image_id,
        "supplier": record.supplier,
        "equal": record.sha256 == sha256,
        "likeness": round(hit.score, 4),
        "width": record.width,
        "height": record.height,
        "license": record.metadata.license,
        "thumb": media_urls(record)["thumb"],
    }
