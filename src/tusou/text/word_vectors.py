"""Word vectors in memory: neighbours, analogies and look-up, with numpy alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tusou.errors import QueryError
from tusou.text.analyze import analyze
from tusou.text.normalize import normalize

Vectors = npt.NDArray[np.float32]

_SPELLING_POOL = 50_000  # files list frequent words first; comparing with all 400,000 takes seconds
_LATIN_CUTOFF, _CHINESE_CUTOFF = 0.7, 0.5  # share of letters in common; one of two Chinese characters


class Neighbour(NamedTuple):
    """A word and its cosine with what was asked for, -1 to 1."""

    word: str
    score: float


class WordVectors:
    """Words and their vectors, in the order of the file (most files begin with the most frequent word).

    Attributes:
        words: The words, no two alike.
        matrix: (words, dim) float32, finite, not normalised.
        idf: (words,) float32 inverse document frequencies of the corpus they were trained on, or None.
        source: Where they come from, for messages.
        skipped: Rows of the file that were left out, by cause.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: Vectors,
        *,
        idf: Vectors | None = None,
        source: str = "these vectors",
        skipped: Mapping[str, int] | None = None,
    ) -> None:
        self.words = tuple(words)
        self.matrix = matrix
        self.idf = idf
        self.source = source
        self.skipped = dict(skipped or {})
        self._rows = {word: row for row, word in enumerate(self.words)}
        if matrix.ndim != 2 or len(matrix) != len(self.words) or len(self._rows) != len(self.words):
            raise ValueError(f"{len(self.words)} different words do not fit a matrix of {matrix.shape}")

    @property
    def dim(self) -> int:
        """Numbers per word."""
        return int(self.matrix.shape[1])

    def row(self, word: str) -> int | None:
        """Row of exactly this word, None when it has no vector."""
        return self._rows.get(word)

    def find(self, word: str) -> int | None:
        """Row of a word as a person types it: as it is, normalised (``Dogs``, 貓), or as search stems it."""
        for spelling in _spellings(word):
            row = self.row(spelling)
            if row is not None:
                return row
        return None

    def rows(self, words: Sequence[str]) -> list[int]:
        """Rows of several words, each found as by find.

        Raises:
            QueryError: ``unknown_word``: one has no vector; the message offers near spellings.
        """
        found = {word: self.find(word) for word in words}
        unknown = [word for word, row in found.items() if row is None]
        if unknown:
            raise QueryError(self.unknown_message(unknown), reason="unknown_word")
        return [row for row in map(found.get, words) if row is not None]

    def similar(self, word: str, k: int = 10) -> list[Neighbour]:
        """The k nearest words by cosine, the word itself left out; equal scores keep the file's order.

        Raises:
            QueryError: ``unknown_word``.
        """
        rows = self.rows([word])
        return self._nearest(self._unit(rows)[0], rows, k)

    def analogy(self, a: str, b: str, c: str, k: int = 10) -> list[Neighbour]:
        """Words nearest to ``a - b + c``: ``king - man + woman`` is near ``queen``.

        3CosAdd: the largest cos(x, a - b + c) over unit vectors, the three themselves left out (Mikolov, Yih,
        Zweig, NAACL 2013; named so by Levy and Goldberg, CoNLL 2014).

        Raises:
            QueryError: ``unknown_word``: one of the three has no vector.
        """
        rows = self.rows([a, b, c])
        first, second, third = self._unit(rows)
        return self._nearest(first - second + third, rows, k)

    def near_spellings(self, word: str, k: int = 5) -> list[str]:
        """Words written nearly like this one, among the first 50,000 of the file."""
        word = normalize(word)
        cutoff = _LATIN_CUTOFF if word.isascii() else _CHINESE_CUTOFF
        return difflib.get_close_matches(word, self.words[:_SPELLING_POOL], k, cutoff)

    def unknown_message(self, words: Sequence[str]) -> str:
        """Say that words have no vector here, and which ones are written nearly so."""
        near = list(dict.fromkeys(other for word in words for other in self.near_spellings(word, 3)))
        listed = ", ".join(repr(word) for word in words)
        advice = f"near spellings: {', '.join(near)}" if near else "no word is written nearly so"
        return f"{listed}: not among the {len(self.words):,} words of {self.source} ({advice})"

    @cached_property
    def _scale(self) -> Vectors:
        """(words,) one over the length of each vector, 0 for a zero vector."""
        lengths: Vectors = np.linalg.norm(self.matrix, axis=1)
        return np.divide(np.float32(1), lengths, out=np.zeros_like(lengths), where=lengths > 0)

    def _unit(self, rows: Sequence[int]) -> Vectors:
        unit: Vectors = self.matrix[rows] * self._scale[rows, None]
        return unit

    def _nearest(self, target: Vectors, left_out: Sequence[int], k: int) -> list[Neighbour]:
        length = float(np.linalg.norm(target)) or 1.0
        scores = (self.matrix @ (target / length)) * self._scale
        scores[left_out] = -np.inf
        k = min(k, len(scores) - len(set(left_out)))
        if k < 1:
            return []
        best = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
        best = best[np.argsort(-scores[best], kind="stable")][:k]
        return [Neighbour(self.words[row], float(scores[row])) for row in best]


def _spellings(word: str) -> Iterator[str]:
    yield word
    yield normalize(word)
    tokens = analyze(word).words
    if len(tokens) == 1:
        yield tokens[0]
