"""What a library can be asked for: keywords and titles of its images, and what people often search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tusou.catalog.catalog import Catalog
from tusou.text.normalize import normalize
from tusou.types import Language, Metadata

Kind = Literal["query", "keyword", "title"]

MOST_PHRASES = 50_000
"""Phrases kept, the most frequent ones; about 25 MB with their spellings."""

LONGEST = 40
"""Characters of a phrase worth offering; whole sentences are no help to somebody who types."""

PAGE = 5_000
MOST_COUNTED = 1_000_000
"""Different phrases counted at once; beyond, those met once so far are dropped, so that memory is bounded."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something that can be searched.

    Attributes:
        text: As a supplier or a person wrote it first; Chinese in simplified characters.
        spelling: Normalised (see ``text.normalize``); phrases are the same when this is.
        kind: Where it comes from; what people search counts before keywords, keywords before titles.
        lang: ``zh`` when it has a Chinese character.
        count: Images that carry it, or times it was asked.
    """

    text: str
    spelling: str
    kind: Kind
    lang: Language
    count: int


def read_vocabulary(catalog: Catalog, asked: Mapping[str, int], without: Iterable[str] = ()) -> list[Phrase]:
    """Phrases of a library, most frequent first, at most MOST_PHRASES.

    Args:
        catalog: The library's catalog; every image is read.
        asked: Words people often search to how often (``EventStore.frequent_queries``).
        without: Suppliers whose images may not be shown, and so neither may their words.
    """
    kinds: dict[str, Kind] = {}
    texts: dict[str, str] = {}
    counts: Counter[str] = Counter()

    def note(text: str, kind: Kind, times: int = 1) -> None:
        spelling = normalize(text)
        if 1 <= len(spelling) <= LONGEST:
            counts[spelling] += times
            texts.setdefault(spelling, text.strip())
            kinds.setdefault(spelling, kind)

    for query, times in asked.items():
        note(query, "query", times)
    for metadata in _every_metadata(catalog, frozenset(without)):
        for keyword in (*metadata.keywords_en, *metadata.keywords_zh):
            note(keyword, "keyword")
        for title in (metadata.title_en, metadata.title_zh):
            note(title, "title")
        if len(counts) > MOST_COUNTED:
            counts = Counter({spelling: count for spelling, count in counts.items() if count > 1})
            texts = {spelling: texts[spelling] for spelling in counts}
            kinds = {spelling: kinds[spelling] for spelling in counts}
    return [
        _phrase(texts[spelling], spelling, kinds[spelling], count)
        for spelling, count in counts.most_common(MOST_PHRASES)
    ]


def _phrase(text: str, spelling: str, kind: Kind, count: int) -> Phrase:
    lang = language_of(spelling)
    return Phrase(spelling if lang == "zh" else text, spelling, kind, lang, count)


def language_of(text: str) -> Language:
    """``zh`` when a text has a Chinese character, else ``en``."""
    return "zh" if any("\u3400" <= letter <= "\u9fff" for letter in text) else "en"


def _every_metadata(catalog: Catalog, without: frozenset[str]) -> Iterator[Metadata]:
    last = -1
    while found := catalog.metadata(last, PAGE, without=without):
        for last, metadata in found:  # noqa: B007 - where the next page begins
            yield metadata


def words_of(phrases: Iterable[Phrase]) -> Counter[str]:
    """Latin words of phrases and how often each occurs."""
    words: Counter[str] = Counter()
    for phrase in phrases:
        for word in phrase.spelling.split():
            if word.isascii() and word.isalpha():
                words[word] += phrase.count
    return words
