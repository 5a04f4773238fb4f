"""The embedded engine: tantivy for words, FAISS codes for vectors, columns for filters, in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.errors import DimensionMismatch, IndexStale, QueryError, VectorIndexError
from tusou.index.append_file import check_committed
from tusou.index.base import FIELDS, IndexDocument, ScoredRows, TextClause, TextQuery, VectorRows, best
from tusou.index.manifest import REBUILD, Manifest, manifest_stamp, read_manifest, write_manifest
from tusou.index.row_store import RowStore
from tusou.index.text_index import TextIndex
from tusou.index.token_rows import FIELD_WEIGHTS, TextStatistics, WeightedTerm, bm25, weighted_terms
from tusou.index.vector_codes import cosines, search_exact
from tusou.types import Embeddings, Filters, Mask, Rows

TEXT_FOLDER = "text"
NARROW_ROWS = 30_000
"""Up to so many rows a text search scores every row of the mask; above, it asks the inverted index for more
hits than wanted until enough of them lie in the mask. The two cost the same near this number."""

OVERSAMPLING = 1.2
"""Hits asked per hit expected inside the mask."""


class EmbeddedIndex:
    """Index protocol over local files; one writer and any number of readers, see base.Index."""

    def __init__(self, path: Path, rows: VectorRows, manifest: Manifest, *, writer: bool) -> None:
        """Use open(); this takes what it has checked."""
        self._path, self._vectors, self._writer = path, rows, writer
        self.dim = rows.dim
        self._load(manifest)

    @classmethod
    def open(cls, path: Path, rows: VectorRows, model_id: str, *, writer: bool = False) -> EmbeddedIndex:
        """Open an index folder, or start an empty one when nothing was committed there.

        Args:
            path: The index folder; a writer makes it.
            rows: The kept embeddings.
            model_id: Model whose embeddings these are.
            writer: Open for upsert, delete and commit; the caller sees to it that there is only one.

        Raises:
            IndexStale: The index belongs to another model, dimension or schema.
            IndexCorrupt: A file does not match its manifest.
        """
        if writer:
            path.mkdir(parents=True, exist_ok=True)
        manifest = read_manifest(path) or Manifest(model_id, rows.dim)
        if (manifest.model_id, manifest.dim) != (model_id, rows.dim):
            raise IndexStale(
                f"{path}: built for {manifest.model_id} ({manifest.dim} dimensions), "
                f"asked for {model_id} ({rows.dim}); {REBUILD}"
            )
        return cls(path, rows, manifest, writer=writer)

    def _load(self, manifest: Manifest) -> None:
        self._stamp = manifest_stamp(self._path)
        self._manifest = manifest
        self._store = RowStore(self._path, manifest, writer=self._writer)
        self._text: TextIndex | None = None
        if self._writer or manifest.generation:
            self._text = TextIndex(self._path / TEXT_FOLDER, manifest.text_opstamp, writer=self._writer)

    @property
    def watermark(self) -> int:
        """Catalog change number of the last commit; 0 for an empty index."""
        return self._manifest.watermark

    def __len__(self) -> int:
        """Live rows."""
        return self._manifest.live

    def upsert(self, documents: Sequence[IndexDocument]) -> None:
        """Add rows or replace their text and attributes; seen after commit()."""
        text = self._writing()
        for document in documents:
            if not 0 <= document.row < len(self._vectors):
                raise VectorIndexError(f"row {document.row} has no embedding; {len(self._vectors)} are kept")
            replaces = self._store.upsert(document)
            text.put(document.row, document.fields, replace=replaces)

    def delete(self, rows: Sequence[int]) -> None:
        """Take rows out; seen after commit()."""
        text = self._writing()
        for row in rows:
            if self._store.delete(row):
                text.delete(row)

    def commit(self, watermark: int) -> None:
        """Make everything since the last commit durable, then visible, under one manifest."""
        text = self._writing()
        opstamp = text.commit()
        part = self._store.commit()
        self._manifest = replace(
            self._manifest,
            generation=self._manifest.generation + 1,
            watermark=watermark,
            text_opstamp=opstamp,
            **part,
        )
        write_manifest(self._path, self._manifest)
        text.reload()

    def refresh(self) -> bool:
        """See what another process committed; True when something changed."""
        if self._writer or manifest_stamp(self._path) == self._stamp:
            return False
        stamp = manifest_stamp(self._path)
        manifest = read_manifest(self._path) or Manifest(self._manifest.model_id, self.dim)
        if (manifest.model_id, manifest.dim) != (self._manifest.model_id, self.dim):
            raise IndexStale(f"{self._path}: now belongs to {manifest.model_id}; open the library anew")
        if self._text is not None and self._store.follow(manifest):
            self._manifest = manifest
            self._text.reload()
        else:
            self._load(manifest)
        self._stamp = stamp
        return True

    def mask(self, filters: Filters) -> Mask | None:
        """Live rows that satisfy the filters exactly; None when the filters are empty (all live rows)."""
        return self._store.columns.mask(filters)

    def search_vectors(self, embedding: Embeddings, depth: int, mask: Mask | None = None) -> ScoredRows:
        """The rows of largest cosine with one embedding (dim,), scores re-computed from the kept rows."""
        query = self._check(embedding)
        return search_exact(self._vectors, query, depth, self._allowed(mask))

    def search_text(self, query: TextQuery, depth: int, mask: Mask | None = None) -> ScoredRows:
        """The rows of largest BM25 summed over fields; exclusions and the mask applied before scoring."""
        terms = weighted_terms(query)
        if self._text is None or not terms or depth < 1:
            return _nothing()
        allowed = self._allowed(mask)
        count = int(np.count_nonzero(allowed))
        if mask is not None and count <= NARROW_ROWS:
            wanted = self.text_mask(query)
            rows = np.flatnonzero(allowed if wanted is None else allowed & wanted)
            return self._score_all(terms, rows, depth, keep_unscored=bool(query.must))
        return self._search_wide(self._text, terms, query, depth, allowed)

    def _search_wide(
        self, text: TextIndex, terms: Sequence[WeightedTerm], query: TextQuery, depth: int, allowed: Mask
    ) -> ScoredRows:
        share = max(int(np.count_nonzero(allowed)), 1) / max(len(allowed), 1)
        limit = int(depth / share * OVERSAMPLING) + 100
        while True:
            hits = text.search(terms, query, limit)
            rows = hits.rows[hits.rows < len(allowed)]
            rows = rows[allowed[rows]]
            if len(rows) >= depth or len(hits.rows) < limit:
                return self._score_all(terms, rows, depth, keep_unscored=bool(query.must))
            limit *= 4

    def _score_all(
        self, terms: Sequence[WeightedTerm], rows: Rows, depth: int, *, keep_unscored: bool
    ) -> ScoredRows:
        weights = np.array([FIELD_WEIGHTS[field] for field in FIELDS], np.float32)
        scores = self._bm25(terms, rows) @ weights
        if not keep_unscored:
            rows, scores = rows[scores > 0], scores[scores > 0]
        return best(rows, scores, depth)

    def _bm25(self, terms: Sequence[WeightedTerm], rows: Rows) -> npt.NDArray[np.float32]:
        if self._text is None:
            return np.zeros((len(rows), len(FIELDS)), np.float32)
        columns = self._store.columns
        statistics = TextStatistics(len(self), self._store.mean_lengths, self._text.frequencies(terms))
        starts, counts = columns["token_start"][rows], columns["token_counts"][rows]
        return bm25(self._store.tokens, starts, counts, terms, statistics)

    def text_mask(self, query: TextQuery) -> Mask | None:
        """Live rows that satisfy must and must_not; None when there are neither."""
        if not (query.must or query.must_not):
            return None
        mask = self._store.columns.live.copy()
        for clause in query.must:
            mask &= self._rows_to_mask(clause, len(mask))
        for clause in query.must_not:
            mask &= ~self._rows_to_mask(clause, len(mask))
        return mask

    def _rows_to_mask(self, clause: TextClause, size: int) -> Mask:
        mask = np.zeros(size, np.bool_)
        if self._text is not None:
            rows = self._text.matching(clause)
            mask[rows[rows < size]] = True
        return mask

    def field_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per field of given rows, (n, len(FIELDS)), unweighted; 0 where a field does not match."""
        return self._bm25(weighted_terms(query), np.asarray(rows, np.int64))

    def cosines(self, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
        """Exact cosine (of the kept float16 rows) of given rows with one embedding, (n,)."""
        return cosines(self._vectors, self._check(embedding), np.asarray(rows, np.int64))

    def features(self, rows: Rows, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Query-independent features of given rows, (n, len(names)), NaN when unknown."""
        return self._store.columns.features(np.asarray(rows, np.int64), names)

    def search_fingerprints(
        self, fingerprint: bytes, max_distance: int, mask: Mask | None = None
    ) -> ScoredRows:
        """Rows whose fingerprint differs in at most max_distance bits; score is 1 - distance / 256."""
        return self._store.columns.search_fingerprints(fingerprint, max_distance, self._allowed(mask))

    def facets(self, rows: Rows | None, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Count values of attributes over rows; see base.Index."""
        return self._store.columns.facets(rows, names)

    def verify(self) -> list[str]:
        """Problems found by comparing every file with its manifest; empty when sound."""
        problems = [check_committed(self._path, state) for state in self._manifest.files.values()]
        found = [problem for problem in problems if problem is not None]
        return found + (list(self._text.problems()) if self._text is not None else [])

    def close(self) -> None:
        """Release files; uncommitted writes are lost."""
        if self._text is not None:
            self._text.close()
        self._store.close()

    def _allowed(self, mask: Mask | None) -> Mask:
        """The mask over every row; rows that came after it was made are left out."""
        live = self._store.columns.live
        if mask is None:
            return live
        allowed = np.zeros(len(live), np.bool_)
        size = min(len(live), len(mask))
        return np.logical_and(live[:size], mask[:size], out=allowed[:size]) if size == len(live) else allowed

    def _check(self, embedding: Embeddings) -> Embeddings:
        query = np.ascontiguousarray(embedding, np.float32).reshape(-1)
        if query.shape != (self.dim,):
            raise DimensionMismatch(f"expected an embedding of {self.dim} numbers, got {query.size}")
        if not np.isfinite(query).all():
            raise QueryError("the query embedding holds NaN or infinite numbers", reason="bad_embedding")
        return query

    def _writing(self) -> TextIndex:
        if not self._writer or self._text is None:
            raise VectorIndexError("the index was opened for reading; open it with writer=True")
        return self._text


def _nothing() -> ScoredRows:
    return ScoredRows(np.empty(0, np.int64), np.empty(0, np.float32))
