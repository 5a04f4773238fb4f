"""Nearest rows by cosine: candidates from a scan of small codes, scores from the kept float16 rows.

Codes cover whole chunks of rows; the rows behind the last chunk are scored exactly, so an added row is found
at once and a small library has no codes at all. A filter masks the scan: it is exact at any selectivity.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from tusou.index.append_file import append, read_committed, successor
from tusou.index.base import ScoredRows, VectorRows, best
from tusou.index.codebook import Codebook, Codes, code_size
from tusou.index.exact import cosines
from tusou.index.manifest import FileState, Manifest
from tusou.types import Embeddings, Mask, Rows

PARTS = ("codebook", "codes")
CHUNK = 8192
"""Rows that get codes together."""

TRAINING_ROWS = 131_072
"""The codebook is fitted anew whenever the coded rows have quadrupled, until so many."""

TRAINING_SAMPLE = 32_768
EXACT_ROWS = 8192
"""Up to so many allowed rows are all scored exactly."""

CODES_PER_ROW = 80
"""Codes scanned in the time one row is scored: above a million rows more are scored before codes pay."""

LEAST_CANDIDATES = 1000
BLOCK = 1024
"""Rows encoded at a time."""


class VectorCodes:
    """Codes of the rows up to the last whole chunk; immutable.

    Args:
        codebook: What they are codes of; None when there are none.
        codes: (coded rows, code_size).
    """

    def __init__(self, codebook: Codebook | None = None, codes: Codes | None = None) -> None:
        self._codebook = codebook
        self._codes = np.empty((0, 0), np.uint8) if codes is None else codes
        self._packed: Any = None

    def __len__(self) -> int:
        """Coded rows."""
        return len(self._codes)

    def candidates(self, embedding: Embeddings, count: int, allowed: Mask) -> Rows:
        """Rows of largest approximate cosine among the coded ones that are allowed."""
        if self._codebook is None:
            return np.empty(0, np.int64)
        if self._packed is None:  # packing takes 0.3 s per million rows; a writer never needs it
            self._packed = self._codebook.pack(self._codes)
        faiss.omp_set_num_threads(1)  # OpenMP keeps this per thread; a query is too small to share
        selector = None if allowed.all() else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=1)
        rotated = self._codebook.rotate(embedding[None])
        rows: Rows = self._packed.search(rotated, min(count, len(self)), params=parameters)[1][0]
        return rows[rows >= 0]


def load_codes(
    folder: Path, manifest: Manifest, before: tuple[Manifest, VectorCodes] | None = None
) -> VectorCodes:
    """Read the codes of a commit; those of an earlier one are returned when nothing came since.

    Raises:
        IndexCorrupt: A file does not match the manifest.
    """
    files = manifest.files
    if before is not None and before[0].files.get("codes") == files.get("codes"):
        return before[1]
    if "codes" not in files:
        return VectorCodes()
    codes = read_committed(folder, files["codes"], np.dtype("u1"))
    return VectorCodes(_read_codebook(folder, manifest), codes.reshape(-1, code_size(manifest.dim)))


def write_codes(
    folder: Path, manifest: Manifest, vectors: VectorRows, rows: int
) -> tuple[dict[str, FileState], int]:
    """Give codes to the whole chunks among the first ``rows`` rows.

    Returns:
        Files to name in the manifest, and the number of rows the codebook was fitted on.
    """
    files = {part: state for part, state in manifest.files.items() if part in PARTS}
    trained_rows, target = manifest.trained_rows, rows // CHUNK * CHUNK
    coded = files["codes"].size // code_size(vectors.dim) if trained_rows else 0
    if coded == target:
        return files, trained_rows
    if not trained_rows or (trained_rows * 4 <= target and trained_rows < TRAINING_ROWS):
        codebook, trained_rows = Codebook.train(_sample(vectors, target)), target
        files = {part: _begin(files, part) for part in PARTS}
        files["codebook"] = append(folder, files["codebook"], [codebook.to_array()])
        coded = 0
    else:
        codebook = _read_codebook(folder, manifest)
    blocks = (vectors.slice(start, min(start + BLOCK, target)) for start in range(coded, target, BLOCK))
    files["codes"] = append(folder, files["codes"], map(codebook.encode, blocks))
    return files, trained_rows


def _read_codebook(folder: Path, manifest: Manifest) -> Codebook:
    kept = read_committed(folder, manifest.files["codebook"], np.dtype("<f4"))
    return Codebook.from_array(kept, manifest.dim)


def search_vectors(
    vectors: VectorRows, codes: VectorCodes, embedding: Embeddings, depth: int, allowed: Mask
) -> ScoredRows:
    """Rows of largest cosine among the allowed ones.

    Args:
        vectors: The kept embeddings, whose inner products are the scores.
        codes: Of their first rows.
        embedding: (dim,).
        depth: Rows wanted.
        allowed: (rows,).
    """
    count = int(np.count_nonzero(allowed))
    wanted = candidate_count(depth, count)
    if count <= max(EXACT_ROWS, wanted, len(codes) // CODES_PER_ROW):
        rows = np.flatnonzero(allowed)
    else:
        coded = codes.candidates(embedding, wanted, allowed[: len(codes)])
        behind = np.flatnonzero(allowed[len(codes) :]) + len(codes)
        rows = np.concatenate([np.sort(coded), behind])
    return best(rows, cosines(vectors, embedding, rows), depth)


def candidate_count(depth: int, allowed: int) -> int:
    """Candidates to re-score: the smaller a share of the rows is sought, the more codes err about it.

    2 per row wanted and decade between rows allowed and rows wanted, less 1.5, kept ANN recall @1000 at .94
    for a million and for a hundred thousand rows.
    """
    decades = math.log10(max(allowed / max(depth, 1), 1.0))
    return max(round(depth * (2 * decades - 1.5)), 2 * depth, LEAST_CANDIDATES)


def _sample(vectors: VectorRows, rows: int) -> Embeddings:
    """Evenly spaced embeddings."""
    taken = np.linspace(0, rows - 1, min(rows, TRAINING_SAMPLE)).astype(np.int64)
    return vectors.take(taken).astype(np.float32)


def _begin(files: dict[str, FileState], part: str) -> FileState:
    return successor(files[part].name) if part in files else FileState(f"{part}-0.bin")
