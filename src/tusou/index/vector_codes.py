"""Nearest rows by cosine: candidates from small codes, scores from the kept float16 rows."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from tusou.index.base import ScoredRows, VectorRows, best
from tusou.types import Embeddings, Mask, Rows

BLOCK = 4096
"""Float16 rows scored at a time, a size whose copies stay in the second-level cache."""


def cosines(vectors: VectorRows, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
    """Inner products of kept float16 rows with one embedding, (n,) float32."""
    kernel = faiss.IndexScalarQuantizer(
        vectors.dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        _score_block(kernel, vectors.take(rows[start : start + BLOCK]), embedding, scores[start:])
    return scores


def _score_block(
    kernel: Any, block: npt.NDArray[np.float16], embedding: Embeddings, scores: npt.NDArray[np.float32]
) -> None:
    """Let FAISS decode and multiply (numpy's float16 conversion is several times slower)."""
    kernel.reset()
    kernel.add_sa_codes(np.ascontiguousarray(block).view(np.uint8))
    found, places = kernel.search(embedding[None], len(block))
    scores[places[0]] = found[0]


def search_exact(vectors: VectorRows, embedding: Embeddings, depth: int, mask: Mask) -> ScoredRows:
    """Score every row of the mask."""
    rows = np.flatnonzero(mask)
    return best(rows, cosines(vectors, embedding, rows), depth)
