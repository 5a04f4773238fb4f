"""Suggestions: what somebody who has typed so far may want, what was meant by a slip, what lies near.

A phrase is found by the beginning of its words, in Chinese also by pinyin and by the initials of its
syllables (``xueshan`` and ``xs`` find 雪山), and by a spelling close to what was typed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
from pypinyin import Style, lazy_pinyin
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tusou.search.vocabulary import MOST_PHRASES, Kind, Phrase, language_of, words_of
from tusou.text.english import stem
from tusou.text.normalize import normalize
from tusou.types import ImageRecord, Language

MOST_TYPED = 64
"""Characters of what was typed that are looked at."""

BEGINNING = 3.0
"""What it is worth, in logarithms of frequency, that a phrase begins with what was typed."""

KIND_WORTH = {"query": 2.0, "keyword": 1.0, "title": 0.0}
SLIP_PENALTY = 4.0
"""What one wrong letter costs."""

LEAST_WORD = 4
"""Letters of a word from which a slip is looked for; shorter words have too many neighbours."""

RELATED = 8
LEAST_SHARED = 2
"""Images of an answer that must share a keyword before it is offered as a related search."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A phrase on offer; fields as in ``vocabulary.Phrase``."""

    text: str
    kind: Kind
    count: int


class SuggestionTable:
    """Every spelling of every phrase in order, so that a beginning is a range.

    Args:
        phrases: What is offered, without two of one spelling.
    """

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._phrases = list(phrases)
        self._places = {phrase.spelling: place for place, phrase in enumerate(phrases)}
        self._words = words_of(phrases)
        entries = sorted(
            (spelling, place, bonus)
            for place, phrase in enumerate(phrases)
            for spelling, bonus in _spellings(phrase)
        )
        self._spellings = [spelling for spelling, _, _ in entries]
        self._entry_phrase = np.array([place for _, place, _ in entries], np.int64)
        worth = np.array([_worth(phrase) for phrase in phrases], np.float64)
        bonus = np.array([bonus for _, _, bonus in entries], np.float64)
        self._entry_worth = worth[self._entry_phrase] + bonus if len(entries) else bonus
        self._sounds: dict[str, str] = {}
        for phrase in reversed(self._phrases):  # the most frequent of those that sound alike stays
            if _is_han(phrase.spelling):
                self._sounds[_sound(phrase.spelling)] = phrase.spelling

    def __len__(self) -> int:
        return len(self._phrases)

    def suggest(self, typed: str, limit: int, lang: Language | None = None) -> list[Suggestion]:
        """Phrases that continue what was typed, best first; close spellings where those are few.

        Args:
            typed: What stands in the box.
            limit: Most suggestions.
            lang: Language of the page: its phrases come first among equals.
        """
        wanted = normalize(typed[:MOST_TYPED])
        if not wanted:
            return []
        found = self._beginning(wanted, limit, lang)
        if " " in wanted and _is_latin(wanted):  # pinyin, syllable by syllable
            found = {**self._beginning(wanted.replace(" ", ""), limit, lang), **found}
        if len(found) < limit and len(wanted) >= LEAST_WORD and wanted.isascii():
            corrected = self.correct(wanted)
            if corrected:
                found = {**self._beginning(corrected, limit, lang), **found}
        best = sorted(found, key=lambda place: -found[place])[:limit]
        phrases = [self._phrases[place] for place in best]
        return [Suggestion(phrase.text, phrase.kind, phrase.count) for phrase in phrases]

    def correct(self, typed: str) -> str:
        """What was probably meant, normalised; empty when the words are known or nothing is close.

        Latin words: the most frequent word at one slip (two from eight letters on), a slip being a letter
        left out, added, changed or swapped with its neighbour (optimal string alignment distance). Chinese:
        the phrase that sounds the same.
        """
        wanted = normalize(typed[:MOST_TYPED])
        if wanted in self._places or not self._phrases:
            return ""
        if _is_han(wanted):
            found = self._sounds.get(_sound(wanted), "") if len(wanted) > 1 else ""
            return found if found != wanted else ""
        words = [self._nearest(word) for word in wanted.split()]
        corrected = " ".join(words)
        return corrected if corrected != wanted else ""

    def related(self, q: str, records: Iterable[ImageRecord], lang: Language) -> list[str]:
        """Keywords many images of an answer share and few others have, as further searches.

        Each earns (images of the answer that carry it) · ln(phrases of the library / images with it): what
        is typical of the answer, not what is frequent everywhere.
        """
        asked = normalize(q)
        shared: Counter[str] = Counter()
        shown: dict[str, str] = {}
        for record in records:
            metadata = record.metadata
            keywords = metadata.keywords_zh if lang == "zh" else metadata.keywords_en
            for keyword in keywords:
                spelling = normalize(keyword)
                shown.setdefault(spelling, keyword.strip())
            shared.update({normalize(keyword) for keyword in keywords})
        total = 1 + sum(phrase.count for phrase in self._phrases)

        def worth(spelling: str) -> float:
            place = self._places.get(spelling)
            held = self._phrases[place].count if place is not None else shared[spelling]
            return shared[spelling] * log(total / max(held, 1))

        candidates = [
            spelling
            for spelling, count in shared.items()
            if count >= LEAST_SHARED and spelling not in asked and asked not in spelling.split()
        ]
        best = sorted(candidates, key=lambda spelling: (-worth(spelling), spelling))
        return [shown[spelling] for spelling in one_form_each(best)[:RELATED]]

    def _beginning(self, wanted: str, limit: int, lang: Language | None) -> dict[int, float]:
        """Phrases one of whose spellings begins so, to what each is worth."""
        first = bisect_left(self._spellings, wanted)
        end = bisect_left(self._spellings, wanted + "\U0010ffff", first)
        if first == end:
            return {}
        worth, places = self._entry_worth[first:end], self._entry_phrase[first:end]
        most = min(len(worth), 4 * limit + 8)  # a phrase may stand there under several spellings
        kept = np.argpartition(-worth, most - 1)[:most]
        found: dict[int, float] = {}
        for place, value in zip(places[kept].tolist(), worth[kept].tolist(), strict=True):
            value += lang is not None and self._phrases[place].lang == lang
            value += 2 * (self._phrases[place].spelling == wanted)
            found[place] = max(value, found.get(place, value))
        return found

    def _nearest(self, word: str) -> str:
        if word in self._words or len(word) < LEAST_WORD or not _is_latin(word) or self._begins(word):
            return word
        most = 2 if len(word) >= 8 else 1
        near = process.extract(word, self._words.keys(), scorer=OSA.distance, score_cutoff=most, limit=20)
        if not near:
            return word
        return min(near, key=lambda each: SLIP_PENALTY * each[1] - log(self._words[each[0]]))[0]

    def _begins(self, text: str) -> bool:
        """Whether some spelling begins so: somebody is typing, that is no slip."""
        place = bisect_left(self._spellings, text)
        return any(spelling.startswith(text) for spelling in self._spellings[place : place + 1])


def one_form_each(phrases: Iterable[str]) -> list[str]:
    """Normalised phrases in order, without those that are another form (``animals``) of one before."""
    first: dict[str, str] = {}
    for phrase in phrases:
        first.setdefault(" ".join(stem(word) for word in phrase.split()), phrase)
    return list(first.values())


def _worth(phrase: Phrase) -> float:
    return log(1 + phrase.count) + KIND_WORTH[phrase.kind]


def _spellings(phrase: Phrase) -> Iterator[tuple[str, float]]:
    """Every text by whose beginning a phrase is found, and what finding it so is worth."""
    text = phrase.spelling
    yield text, BEGINNING
    yield from ((text[place + 1 :], 0.0) for place, letter in enumerate(text) if letter == " ")
    if phrase.lang == "zh":
        yield from ((text[place:], 0.0) for place in range(1, len(text)) if language_of(text[place]) == "zh")
        sound, initials = _pinyin(text)
        yield sound, 1.0
        if len(initials) > 1:
            yield initials, 0.0


def _sound(text: str) -> str:
    return _pinyin(text)[0]


@lru_cache(
    2 * MOST_PHRASES
)  # a library's phrases stay while it grows, and looking them up takes most of the time
def _pinyin(text: str) -> tuple[str, str]:
    """Pinyin of a text without tones, and the first letters of its syllables."""
    sound = "".join(lazy_pinyin(text)).replace(" ", "")
    return sound, "".join(lazy_pinyin(text, style=Style.FIRST_LETTER))


def _is_latin(text: str) -> bool:
    return text.isascii() and text.replace(" ", "").isalpha()


def _is_han(text: str) -> bool:
    return bool(text) and all("\u3400" <= letter <= "\u9fff" for letter in text)
