"""Product quantiser of the vector codes: a random rotation, then 4 bits per sub-vector.

Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", PAMI 2011; scanned with André,
Kermarrec, Le Scouarnec, "Cache locality is not enough" (PQ fast scan), VLDB 2015, both by FAISS. Why this
one: docs/design/0003-vector-codes.md.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from tusou.types import Embeddings

BITS = 4
SEED = 1
Codes = npt.NDArray[np.uint8]
"""(n, code_size) one code per row."""


def sub_vector_size(dim: int) -> int:
    """Numbers that share one 4-bit code: 64 bytes a row at 256 and at 512 dimensions."""
    return 2 if dim <= 256 else 4


def code_dim(dim: int) -> int:
    """A dimension rounded up to whole code bytes."""
    step = 2 * sub_vector_size(dim)
    return -(-dim // step) * step


def code_size(dim: int) -> int:
    """Bytes per row."""
    return code_dim(dim) // sub_vector_size(dim) * BITS // 8


class Codebook:
    """Rotation and centroids; immutable.

    Args:
        rotation: (code_dim(dim), dim) orthonormal columns.
        centroids: (code_dim(dim) * 16,) centroids of every sub-vector.
    """

    def __init__(self, rotation: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32]) -> None:
        self._rotation, self._centroids = rotation, centroids
        self._code_dim, self.dim = rotation.shape
        self._parts = self._code_dim // sub_vector_size(self.dim)
        self._quantizer = faiss.ProductQuantizer(self._code_dim, self._parts, BITS)
        faiss.copy_array_to_vector(centroids, self._quantizer.centroids)

    @classmethod
    def train(cls, sample: Embeddings) -> Codebook:
        """Fit the centroids on a sample of embeddings (n, dim)."""
        faiss.omp_set_num_threads(1)  # two threads spin more than they help beside decode workers
        dim = sample.shape[1]
        rotation = _rotation(dim)
        quantizer = faiss.ProductQuantizer(code_dim(dim), code_dim(dim) // sub_vector_size(dim), BITS)
        quantizer.train(sample @ rotation.T)
        return cls(rotation, faiss.vector_to_array(quantizer.centroids))

    @classmethod
    def from_array(cls, kept: npt.NDArray[np.float32], dim: int) -> Codebook:
        """The codebook whose to_array() this was."""
        size = code_dim(dim) * dim
        return cls(kept[:size].reshape(-1, dim), kept[size:])

    def to_array(self) -> npt.NDArray[np.float32]:
        """Everything to keep, as one array."""
        return np.concatenate([self._rotation.reshape(-1), self._centroids])

    def encode(self, embeddings: npt.NDArray[np.float16]) -> Codes:
        """Codes of kept rows."""
        faiss.omp_set_num_threads(1)
        codes: Codes = self._quantizer.compute_codes(self.rotate(embeddings.astype(np.float32)))
        return codes

    def rotate(self, embeddings: Embeddings) -> Embeddings:
        """Embeddings (n, dim) in the space of the centroids, (n, code_dim)."""
        return np.ascontiguousarray(embeddings @ self._rotation.T)

    def pack(self, codes: Codes) -> Any:
        """A FAISS index over codes of rows 0, 1, 2 …, laid out for the fast scan.

        It is an inverted file with one list, the only fast scan of FAISS that takes a row selector.
        """
        coarse = faiss.IndexFlatIP(self._code_dim)
        coarse.add(np.zeros((1, self._code_dim), np.float32))
        plain = faiss.IndexIVFPQ(coarse, self._code_dim, 1, self._parts, BITS, faiss.METRIC_INNER_PRODUCT)
        plain.by_residual = False
        faiss.copy_array_to_vector(self._centroids, plain.pq.centroids)
        plain.is_trained = True
        codes, ids = np.ascontiguousarray(codes), np.arange(len(codes))
        plain.invlists.add_entries(0, len(codes), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
        plain.ntotal = len(codes)
        packed = faiss.IndexIVFPQFastScan(plain)
        packed.referenced_objects = [coarse]
        return packed


def _rotation(dim: int) -> npt.NDArray[np.float32]:
    transform = faiss.RandomRotationMatrix(dim, code_dim(dim))
    transform.init(SEED)
    matrix: npt.NDArray[np.float32] = faiss.vector_to_array(transform.A).reshape(transform.d_out, dim)
    return matrix
