"""Read word2vec's binary file: a header line, then per word its bytes, a space, and little-endian float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from tusou.text.word_files.table import Table, bad_file, to_table

_BLOCK = 1 << 20
_MAX_WORD = 2000
"""Bytes of a word that are believed; longer ones mean that the numbers are out of step."""


def read_binary(stream: BinaryIO, limit: int | None, where: str) -> Table:
    """Read record by record.

    Args:
        stream: At the start of the file.
        limit: Most words read; all when None.
        where: Name of the file, for messages.

    Raises:
        DataError: The file ends before the number of words its header says, or a word never ends.
    """
    count, dim = map(int, stream.readline().split())
    wanted = count if limit is None else min(count, limit)
    words: list[bytes] = []
    values = bytearray()
    for word, numbers in _records(stream, 4 * dim, wanted):
        if len(word) > _MAX_WORD:
            raise bad_file(where, f"word {len(words) + 1:,} has no end within {_MAX_WORD} bytes")
        words.append(word.lstrip(b"\n"))  # the original tool ends each record with a new line
        values += numbers
    if len(words) < wanted:
        raise bad_file(where, f"cut off: the header says {count:,} words, {len(words):,} are whole")
    return to_table(words, values, dim)


def _records(stream: BinaryIO, size: int, wanted: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield word and numbers; ends early at the end of the file."""
    buffer, start = b"", 0
    for _ in range(wanted):
        space = buffer.find(b" ", start)
        while space < 0 or len(buffer) <= space + size:
            block = stream.read(_BLOCK)
            if not block:
                return
            buffer, start = buffer[start:] + block, 0
            space = buffer.find(b" ")
            if space < 0 and len(buffer) > _MAX_WORD:
                yield buffer, b""
                return
        stop = space + 1 + size
        yield buffer[start:space], buffer[space + 1 : stop]
        start = stop
