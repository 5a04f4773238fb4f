"""Turn a text into the tokens of the inverted index: words of both languages, and character bigrams.

Documents and queries pass through the same segmentation and stemming. They differ in one thing: a document
also carries each Chinese character on its own, so that the one-character query 猫 finds 小猫.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from tusou.text.english import stem
from tusou.text.language import HAN
from tusou.text.normalize import fold_accents, normalize
from tusou.text.stopwords import STOP_WORDS

if TYPE_CHECKING:
    import rjieba

_CJK = f"{HAN}\u3041-\u309f\u30a0-\u30ff\uac00-\ud7af"
_PIECE = re.compile(f"(?P<cjk>[{_CJK}]+)|[^\\W_{_CJK}]+(?:['’][^\\W_{_CJK}]+)*")
_POSSESSIVE = re.compile("['’](?:s$)?")
MAX_WORD = 64
"""Characters of a word that count; longer ones are no language."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as the inverted index sees it.

    Attributes:
        words: Stemmed English words, and Chinese words in search mode (long words and the words in them).
        grams: Overlapping character bigrams of Chinese runs, then single characters.
    """

    words: tuple[str, ...] = ()
    grams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query with everything it may be found by.

    Attributes:
        surface: The word as the person reads it (normalised).
        words: Its word tokens.
        grams: Its bigrams; the character itself when it is only one.
    """

    surface: str
    words: tuple[str, ...]
    grams: tuple[str, ...] = ()

    @property
    def is_stop_word(self) -> bool:
        """True when the word says nothing about a picture."""
        return self.surface in STOP_WORDS


class Segmenter(Protocol):
    """What of rjieba is used: a dictionary of one's own, or the module with its shared one."""

    def cut(self, text: str, hmm: bool = True) -> list[str]:
        """Words without overlap; ``hmm`` guesses words that are not in the dictionary."""
        ...

    def cut_for_search(self, text: str, hmm: bool = True) -> list[str]:
        """Words, and the words inside long ones."""
        ...


class Analyzer:
    """Segmentation with an optional user dictionary; safe to share between threads while no words are added.

    The built-in dictionary is loaded with the first Chinese text (0.2 s, 30 MB) and shared; user words take
    a copy of it.

    Args:
        user_words: Chinese words to keep whole besides those of the built-in dictionary.
    """

    def __init__(self, user_words: Iterable[str] = ()) -> None:
        self._own: rjieba.Jieba | None = None
        self.add_words(user_words)

    def add_words(self, words: Iterable[str]) -> None:
        """Keep more words whole from now on."""
        for word in words:
            if self._own is None:
                self._own = _rjieba().Jieba()
            self._own.add_word(word, None, None)

    def knows(self, word: str) -> bool:
        """True when the dictionary, user words included, keeps a word whole."""
        return self._segmenter().cut(word, False) == [word]

    def analyze(self, text: str) -> Tokens:
        """Tokens of a document's field; deterministic."""
        words: list[str] = []
        bigrams: list[str] = []
        characters: list[str] = []
        for piece, is_cjk in _pieces(normalize(text)):
            if is_cjk:
                words.extend(self._segmenter().cut_for_search(piece))
                bigrams.extend(_bigrams(piece))
                characters.extend(piece)
            else:
                words.append(_english(piece))
        return Tokens(tuple(words), (*bigrams, *characters))

    def terms(self, text: str) -> tuple[Term, ...]:
        """Words of a query in order, stop words included."""
        terms: list[Term] = []
        for piece, is_cjk in _pieces(normalize(text)):
            if is_cjk:
                terms.extend(map(self._chinese_term, self._segmenter().cut(piece)))
            else:
                terms.append(Term(piece, (_english(piece),)))
        return tuple(terms)

    def phrase(self, text: str) -> Tokens:
        """Tokens of a phrase in the order they must stand in.

        Chinese runs become bigrams alone (found like a substring, whatever the segmentation of the
        document), other words become words alone.
        """
        words: list[str] = []
        grams: list[str] = []
        for piece, is_cjk in _pieces(normalize(text)):
            if is_cjk:
                grams.extend(_bigrams(piece) or (piece,))
            else:
                words.append(_english(piece))
        return Tokens(tuple(words), tuple(grams))

    def _chinese_term(self, word: str) -> Term:
        return Term(word, tuple(self._segmenter().cut_for_search(word)), _bigrams(word) or (word,))

    def _segmenter(self) -> Segmenter:
        return self._own or _rjieba()


def _rjieba() -> ModuleType:
    import rjieba  # here, because importing it builds its dictionary

    return rjieba


@cache
def default_analyzer() -> Analyzer:
    """The analyzer without a user dictionary."""
    return Analyzer()


def analyze(text: str) -> Tokens:
    """Tokens of a text by the default analyzer."""
    return default_analyzer().analyze(text)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    for match in _PIECE.finditer(text):
        yield match.group(), match.group("cjk") is not None


def _bigrams(run: str) -> tuple[str, ...]:
    return tuple(map("".join, pairwise(run)))


@lru_cache(maxsize=1 << 16)
def _english(piece: str) -> str:
    return stem(fold_accents(_POSSESSIVE.sub("", piece))[:MAX_WORD])
