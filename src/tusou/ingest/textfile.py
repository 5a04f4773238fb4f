"""Text files of unknown encoding: found out once, then read line by line within bounds."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from charset_normalizer import from_bytes

from tusou.errors import SourceError
from tusou.ingest.items import open_regular

MAX_LINE = 1_000_000
"""Longest line read, in characters; what is longer is cut and marked."""

_SAMPLE_BYTES = 256 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ["gb18030", "big5", "cp1252", "latin_1", "shift_jis", "euc_kr"]


def guess_encoding(sample: bytes) -> str:
    """Encoding of a text by its byte-order mark, as UTF-8 if it is, by zero bytes, else by statistics."""
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # a character cut at the end is no error
    except UnicodeDecodeError:
        return _guess_legacy(sample)
    return _guess_utf16(sample) or "utf-8"


def _guess_utf16(sample: bytes) -> str:
    """UTF-16 without a mark: commas, line ends and Latin letters leave zeros in every other byte only."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < 4 or max(even, odd) < 0.02 * len(sample):
        return ""
    if min(even, odd) > 0.1 * max(even, odd):
        return ""  # zeros everywhere are damage, not an encoding
    return "utf-16-le" if odd > even else "utf-16-be"


def _guess_legacy(sample: bytes) -> str:
    if utf16 := _guess_utf16(sample):
        return utf16
    # Chinese suppliers' usual encoding first: GB 18030 text decodes without error, other text seldom does.
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(sample)
    except UnicodeDecodeError:
        text = ""
    common = sum("\u4e00" <= char <= "\u9fff" or char in "，。、；：（）！？“”" for char in text)
    foreign = sum(char > "\x7f" for char in text)
    if foreign and common > 0.9 * foreign:
        return "gb18030"
    match = from_bytes(sample, cp_isolation=_CANDIDATES).best()
    return match.encoding if match is not None else "latin_1"


def decode_text(data: bytes) -> str:
    """A whole small text; undecodable bytes become U+FFFD."""
    return data.decode(guess_encoding(data[:_SAMPLE_BYTES]), errors="replace").lstrip("\ufeff")


class LineReader:
    """Lines of a text file, bounded in length, with the place reached.

    Attributes:
        encoding: What the file is read as.
    """

    def __init__(self, path: Path, encoding: str = "", *, max_line: int = MAX_LINE) -> None:
        """Look at a file; the encoding is found out when empty.

        Raises:
            SourceError: The file cannot be read, or the encoding is no encoding.
        """
        self._path = path
        self._max_line = max_line
        self._overlong = False
        self._raw: BinaryIO | None = None
        with os.fdopen(open_regular(path), "rb") as file:
            self._size = max(os.fstat(file.fileno()).st_size, 1)
            self.encoding = encoding or guess_encoding(file.read(_SAMPLE_BYTES))
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise SourceError(f"unknown encoding {encoding!r}", reason="bad_encoding") from None

    def __iter__(self) -> Iterator[str]:
        """The lines with their ends, from the first; what cannot be decoded becomes U+FFFD."""
        self._raw = os.fdopen(open_regular(self._path), "rb")
        with io.TextIOWrapper(self._raw, self.encoding, errors="replace", newline="") as text:
            while line := text.readline(self._max_line):
                if len(line) >= self._max_line and not line.endswith("\n"):
                    self._overlong = True
                    while (rest := text.readline(self._max_line)) and not rest.endswith("\n"):
                        pass
                yield line

    @property
    def fraction(self) -> float:
        """Part of the file read so far (by block, not by line)."""
        return 1.0 if self._raw is None or self._raw.closed else self._raw.tell() / self._size

    def take_overlong(self) -> bool:
        """Whether a line was cut since the last call."""
        overlong, self._overlong = self._overlong, False
        return overlong
