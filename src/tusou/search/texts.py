"""Which of an image's texts to show in a language; the other language stands in for a missing one."""

from __future__ import annotations

from tusou.text.language import detect_language
from tusou.types import ImageRecord, Language, SearchRequest

_LONGEST_LABEL = 200


def answer_language(request: SearchRequest) -> Language:
    """Language of an answer's texts: as asked, else the language of the words."""
    return detect_language(request.q) if request.lang == "auto" else request.lang


def title_of(record: ImageRecord, lang: Language) -> str:
    """Title, empty when the supplier gave none."""
    metadata = record.metadata
    return _first(lang, metadata.title_zh, metadata.title_en)


def description_of(record: ImageRecord, lang: Language) -> str:
    """Description, empty when the supplier gave none."""
    metadata = record.metadata
    return _first(lang, metadata.description_zh, metadata.description_en)


def keywords_of(record: ImageRecord, lang: Language) -> tuple[str, ...]:
    """Keywords of the language, or of the other one when it has none."""
    metadata = record.metadata
    chosen, other = metadata.keywords_zh, metadata.keywords_en
    if lang == "en":
        chosen, other = other, chosen
    return chosen or other


def label_of(record: ImageRecord, lang: Language) -> str:
    """One short line for people who cannot see the picture, never empty."""
    keywords = keywords_of(record, lang)
    text = (
        title_of(record, lang)
        or description_of(record, lang)
        or ("、" if lang == "zh" else ", ").join(keywords[:5])
        or record.metadata.filename
        or record.item_id
    )
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 1] + "…"


def _first(lang: Language, zh: str, en: str) -> str:
    return (zh or en) if lang == "zh" else (en or zh)
