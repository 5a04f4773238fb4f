"""Read word vectors kept as text, a word and its numbers per line: word2vec (with a header) and GloVe."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from tusou.text.word_files.table import Table, bad_file, to_table


def read_text(stream: BinaryIO, limit: int | None, where: str, *, header: bool) -> Table:
    """Read line by line; the numbers grow in one flat buffer.

    Args:
        stream: At the start of the file.
        limit: Most lines read; all when None.
        where: Name of the file, for messages.
        header: The first line says how many words and numbers there are.

    Raises:
        DataError: A line has another number of columns, or one that is no number.
    """
    lines = enumerate(stream, start=1)
    count, dim = _header(lines) if header else (None, None)
    words: list[bytes] = []
    values: array[float] = array("f")
    for number, line in islice(lines, _smaller(count, limit)):
        dim = dim or len(line.split()) - 1
        word, *numbers = line.rstrip().rsplit(b" ", dim)  # from the right: some words hold a space
        try:
            values.extend(map(float, numbers))
        except ValueError as error:
            raise bad_file(f"{where} line {number}", f"expected a word and {dim} numbers ({error})") from None
        if len(numbers) != dim:
            raise bad_file(f"{where} line {number}", f"expected {dim} numbers, found {len(numbers)}")
        words.append(word)
    if count is not None and len(words) < (_smaller(count, limit) or 0):
        raise bad_file(where, f"cut off: the header says {count:,} words, {len(words):,} are there")
    return to_table(words, values, dim or 1)


def _header(lines: Iterator[tuple[int, bytes]]) -> tuple[int, int]:
    _, line = next(lines)
    count, dim = map(int, line.split())
    return count, dim


def _smaller(count: int | None, limit: int | None) -> int | None:
    return min((each for each in (count, limit) if each is not None), default=None)
