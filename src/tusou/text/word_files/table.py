"""What every reader of word vectors yields, and the one place where its rows are checked."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tusou.errors import DataError
from tusou.text.word_vectors import Vectors, WordVectors

MAX_DIM = 10_000
"""More numbers per word than any published vectors have: a header that says more is damaged."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as read.

    Attributes:
        words: As bytes where the file may hold broken UTF-8, else as text.
        matrix: (words, dim) float32.
        idf: (words,) float32 or None.
    """

    words: Sequence[bytes | str]
    matrix: Vectors
    idf: Vectors | None = None


def bad_file(where: str, problem: str, remedy: str = "download it again") -> DataError:
    """An error that says where, what and what to do."""
    return DataError(f"{where}: {problem}; {remedy}", reason="bad_word_vectors")


def to_table(words: Sequence[bytes], values: array[float] | bytearray, dim: int) -> Table:
    """A table out of words and their numbers in one flat buffer."""
    return Table(words, np.frombuffer(values, np.float32).reshape(len(words), dim))


def checked(table: Table, where: str) -> WordVectors:
    """Leave out and count rows that are no use: not finite, not UTF-8, without a word, or a word again.

    Raises:
        DataError: No row is left.
    """
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        finite = np.isfinite(table.matrix.sum(axis=1, dtype=np.float64))
    rows: dict[str, int] = {}
    skipped: Counter[str] = Counter()
    for row, raw in enumerate(table.words):
        word = _text(raw)
        if not word:
            skipped["not UTF-8" if word is None else "without a word"] += 1
        elif not finite[row]:
            skipped["not finite"] += 1
        elif word in rows:
            skipped["word again"] += 1
        else:
            rows[word] = row
    if not rows:
        raise bad_file(where, "no usable word vector in it", "name a file that holds some")
    if not skipped:
        return WordVectors(tuple(rows), table.matrix, idf=table.idf, source=where)
    kept = list(rows.values())
    idf = None if table.idf is None else table.idf[kept]
    return WordVectors(tuple(rows), table.matrix[kept], idf=idf, source=where, skipped=skipped)


def _text(word: bytes | str) -> str | None:
    if isinstance(word, str):
        return word
    try:
        return word.decode()
    except UnicodeDecodeError:
        return None
