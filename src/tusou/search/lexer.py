"""Cut what was typed into words, phrases and ``key:value`` filters, in one pass over its characters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

QUOTES = {'"': '"', "＂": "＂", "“": "”", "”": "”", "„": "”", "«": "»", "「": "」", "『": "』", "《": "》"}
"""Opening quotation mark to its closing one."""

_MINUS = "-－−"
_COLONS = ":："


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One piece of a query.

    Attributes:
        kind: What it is.
        text: The word, the phrase without its marks, or the filter's value as typed.
        position: 1-based place of its first character in the query.
        negated: A minus stood before it.
        key: Name in front of the colon, of filters only.
    """

    kind: Literal["word", "phrase", "filter"]
    text: str
    position: int
    negated: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Lexemes:
    """All pieces of a query in order, and whether a quotation mark was left open."""

    pieces: tuple[Lexeme, ...]
    unclosed_quote: bool


class Lexer:
    """Reads one query.

    Args:
        query: As typed.
        is_key: Tells whether the text in front of a colon names a filter.
    """

    def __init__(self, query: str, is_key: Callable[[str], bool]) -> None:
        self._query = query
        self._is_key = is_key
        self._at = 0
        self._unclosed = False

    def read(self) -> Lexemes:
        """Every piece, in the order typed."""
        pieces = []
        while self._skip_space():
            piece = self._piece()
            if piece is not None:
                pieces.append(piece)
        return Lexemes(tuple(pieces), self._unclosed)

    def _skip_space(self) -> bool:
        """Move to the next visible character; False at the end."""
        while self._at < len(self._query) and self._query[self._at].isspace():
            self._at += 1
        return self._at < len(self._query)

    def _piece(self) -> Lexeme | None:
        position = self._at + 1
        while self._at < len(self._query) and self._query[self._at] in _MINUS:
            self._at += 1
        negated = self._at >= position
        if self._at == len(self._query) or self._query[self._at].isspace():
            return None  # a minus that stands alone says nothing
        if self._query[self._at] in QUOTES:
            text, closed = self._quoted()
            return Lexeme("phrase" if closed else "word", text, position, negated)
        key = self._key()
        if key is not None:
            return Lexeme("filter", self._value(), position, negated, key)
        return Lexeme("word", self._bare(), position, negated)

    def _quoted(self) -> tuple[str, bool]:
        """The text up to the closing mark and beyond it; without one, the rest of the query."""
        start = self._at + 1
        end = self._query.find(QUOTES[self._query[self._at]], start)
        if end < 0:
            self._unclosed = True
            self._at = len(self._query)
            return self._query[start:], False
        self._at = end + 1
        return self._query[start:end], True

    def _key(self) -> str | None:
        """The filter name here, past its colon; None when no filter begins here."""
        for place in range(self._at, len(self._query)):
            character = self._query[place]
            if character in _COLONS:
                key = self._query[self._at : place]
                if not self._is_key(key):
                    return None
                self._at = place + 1
                return key
            if not (character.isalnum() or character == "_"):
                return None
        return None

    def _value(self) -> str:
        """A filter's value: up to white space, quoted parts whole and without their marks."""
        parts = []
        while self._at < len(self._query) and not self._query[self._at].isspace():
            if self._query[self._at] in QUOTES:
                parts.append(self._quoted()[0])
            else:
                parts.append(self._query[self._at])
                self._at += 1
        return "".join(parts)

    def _bare(self) -> str:
        """A word: up to white space or an opening quotation mark."""
        start = self._at
        while self._at < len(self._query):
            character = self._query[self._at]
            if character.isspace() or character in QUOTES:
                break
            self._at += 1
        return self._query[start : self._at]
