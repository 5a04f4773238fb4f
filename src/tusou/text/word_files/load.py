"""Load word vectors of any known format; the format is recognised from what the file holds."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tusou.errors import DataError
from tusou.text.word_files.arrays import read_npz, read_pair
from tusou.text.word_files.binary import read_binary
from tusou.text.word_files.members import Member, open_members, open_unpacked
from tusou.text.word_files.plain import read_text
from tusou.text.word_files.table import MAX_DIM, Table, bad_file, checked
from tusou.text.word_vectors import WordVectors

_HEAD = 1 << 17  # bytes looked at to recognise a format: two lines of 10,000 short numbers
_BROKEN = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile)


def load_word_vectors(path: Path | str, *, limit: int | None = None) -> WordVectors:
    """Load word vectors.

    Read are word2vec text (with a header) and binary, GloVe text, tusou's npz, and a ``.npy`` matrix with its
    words in a ``.parquet`` file; each plain or gzipped, and inside a folder, zip, wheel or tar, of which the
    largest file is taken. Rows that are no use are left out and counted in ``skipped``.

    Args:
        path: File or folder.
        limit: Only the first so many rows; most files begin with the most frequent words.

    Raises:
        DataError: ``word_vectors_not_found``, ``bad_word_vectors`` (the message names file, line and remedy),
            ``out_of_memory``, or ``missing_extra`` (words in a Parquet file, and no pyarrow).
    """
    path = Path(path)
    with _damage_named(path), open_members(path) as members:
        main, *others = members
        with open_unpacked(main) as stream:
            table = _read(stream, others, limit, main.name)
        return checked(table, main.name)


def _read(stream: BinaryIO, others: Sequence[Member], limit: int | None, where: str) -> Table:
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(b"PK"):
        return read_npz(stream, limit, where)
    if head.startswith(b"\x93NUMPY"):
        with _words_of_matrix(others, where).open() as words:
            return read_pair(stream, words, limit, where)
    first, _, rest = head.partition(b"\n")
    header = _is_header(first, where)
    line = rest.partition(b"\n")[0] if header else first
    if _is_row(line):
        return read_text(stream, limit, where, header=header)
    if header:
        return read_binary(stream, limit, where)
    raise bad_file(
        where,
        "no word vectors recognised in it" if head else "the file is empty",
        "known are word2vec text and binary, GloVe text, and npz written by tusou",
    )


def _words_of_matrix(others: Sequence[Member], where: str) -> Member:
    tables = [member for member in others if member.name.endswith(".parquet")]
    if len(tables) != 1:
        found = f"{len(tables)} .parquet files with words beside it"
        raise bad_file(where, found, "exactly one is needed")
    return tables[0]


def _is_header(line: bytes, where: str) -> bool:
    """True for ``words dim``."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return False
    if not 0 < int(fields[1]) <= MAX_DIM:
        raise bad_file(f"{where} line 1", f"the header says {int(fields[1])} numbers a word")
    return True


def _is_row(line: bytes) -> bool:
    """True for a word and at least two numbers (GloVe's shortest vectors have 25)."""
    numbers = line.split()[-2:]
    try:
        return len(line.split()) > 2 and all(float(number) is not None for number in numbers)
    except ValueError:
        return False


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise bad_file(str(path), f"cannot be read ({error})") from error
    except MemoryError as error:
        raise DataError(
            f"{path} does not fit into memory: read fewer words with --limit", reason="out_of_memory"
        ) from error
