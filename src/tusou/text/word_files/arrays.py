"""Word vectors kept as numpy arrays: tusou's own npz, and a matrix with its words in a Parquet file."""

from __future__ import annotations

import io
from importlib import import_module
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tusou.errors import DataError
from tusou.text.word_files.table import Table, bad_file
from tusou.text.word_vectors import WordVectors


def npz_bytes(vectors: WordVectors, dtype: npt.DTypeLike = np.float32) -> bytes:
    """The npz file of word vectors, without pickle: ``words``, ``matrix`` and, where known, ``idf``.

    Args:
        vectors: What to keep; ``words`` becomes its UTF-8 text, one word a line, as uint8.
        dtype: float32, or float16 for half the size (3 digits).

    Raises:
        ValueError: A word holds a line end.
    """
    if any("\n" in word for word in vectors.words):
        raise ValueError("a word holds a line end")
    text = np.frombuffer("\n".join(vectors.words).encode(), np.uint8)
    arrays = {"words": text, "matrix": vectors.matrix.astype(dtype)}
    if vectors.idf is not None:
        arrays["idf"] = vectors.idf
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def read_npz(stream: BinaryIO, limit: int | None, where: str) -> Table:
    """Read what npz_bytes wrote.

    Raises:
        DataError: An array is missing or they do not fit each other.
    """
    with np.load(stream, allow_pickle=False) as arrays:
        if not {"words", "matrix"} <= set(arrays):
            raise bad_file(where, f"expected arrays words and matrix, found {', '.join(arrays) or 'none'}")
        words = arrays["words"].astype(np.uint8).tobytes().decode().split("\n")
        idf = arrays["idf"][:limit].astype(np.float32) if "idf" in arrays else None
        table = _table(words, arrays["matrix"], limit, where)
    if idf is not None and idf.shape != (len(table.words),):
        raise bad_file(where, f"{len(table.words)} words, but idf has shape {idf.shape}")
    return Table(table.words, table.matrix, idf)


def read_pair(matrix: BinaryIO, words: BinaryIO, limit: int | None, where: str) -> Table:
    """Read a ``.npy`` matrix and the ``.parquet`` file whose first column holds its words.

    Raises:
        DataError: ``missing_extra``: pyarrow is not installed; or they do not fit each other.
    """
    try:
        parquet = import_module("pyarrow.parquet")  # not a part of the plain install
    except ImportError as error:
        raise DataError(
            f"{where}: its words are in a Parquet file, which needs pyarrow: pip install pyarrow",
            reason="missing_extra",
        ) from error
    column = parquet.read_table(words).column(0).to_pylist()
    if not all(isinstance(word, str) for word in column):
        raise bad_file(where, "the first column of its Parquet file holds no words")
    return _table(column, np.lib.format.read_array(matrix, allow_pickle=False), limit, where)


def _table(words: list[str], matrix: npt.NDArray[np.generic], limit: int | None, where: str) -> Table:
    if matrix.ndim != 2 or len(matrix) != len(words) or not np.issubdtype(matrix.dtype, np.floating):
        raise bad_file(where, f"{len(words)} words, but a matrix of {matrix.dtype} {matrix.shape}")
    return Table(words[:limit], np.ascontiguousarray(matrix[:limit], np.float32))
