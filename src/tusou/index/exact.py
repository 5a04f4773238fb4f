"""Exact cosines of kept float16 rows: the scores behind every vector search."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import numpy.typing as npt

from tusou.index.base import VectorRows
from tusou.types import Embeddings, Rows

BLOCK = 1024
"""Rows scored at a time."""


class _Kernel:
    """FAISS decodes float16 and multiplies in one pass; numpy's conversion alone takes ten times as long.

    The rows are copied over the codes of one FAISS index that is never resized.
    """

    def __init__(self, dim: int) -> None:
        self._index = faiss.IndexScalarQuantizer(
            dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._index.add_sa_codes(np.zeros((BLOCK, 2 * dim), np.uint8))
        codes = faiss.rev_swig_ptr(self._index.codes.data(), BLOCK * 2 * dim)
        self._rows = codes.view(np.float16).reshape(BLOCK, dim)

    def score(
        self, block: npt.NDArray[np.float16], embedding: Embeddings, scores: npt.NDArray[np.float32]
    ) -> None:
        """Inner products of at most BLOCK rows with one embedding (1, dim)."""
        self._rows[: len(block)] = block
        self._index.ntotal = len(block)
        found, places = self._index.search(embedding, len(block))
        scores[places[0]] = found[0]


class _Kernels(threading.local):
    """A thread's kernels by dimension."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kernel] = {}

    def __getitem__(self, dim: int) -> _Kernel:
        if dim not in self._kept:
            self._kept[dim] = _Kernel(dim)
        return self._kept[dim]


_KERNELS = _Kernels()


def cosines(vectors: VectorRows, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
    """Inner products of kept rows with one embedding.

    Args:
        vectors: The kept embeddings.
        embedding: (dim,) float32.
        rows: Which rows; in rising order they are read fastest.

    Returns:
        (n,) float32.
    """
    faiss.omp_set_num_threads(1)  # OpenMP keeps this per thread; a query is too small to share
    kernel = _KERNELS[vectors.dim]
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        stop = start + BLOCK
        kernel.score(vectors.take(rows[start:stop]), embedding[None], scores[start:stop])
    return scores
