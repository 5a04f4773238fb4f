"""What searches read: one commit of the index, immutable, shared by threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.errors import DimensionMismatch, QueryError
from tusou.index.base import FIELDS, NearPairs, ScoredRows, TextClause, TextQuery, VectorRows, best
from tusou.index.exact import cosines
from tusou.index.manifest import Manifest
from tusou.index.row_files import RowData
from tusou.index.text_index import TextReader
from tusou.index.token_rows import (
    FIELD_WEIGHTS,
    RowTokens,
    TextStatistics,
    WeightedTerm,
    scoring_clauses,
    weighted_terms,
)
from tusou.index.vector_codes import VectorCodes, search_vectors
from tusou.types import Embeddings, Filters, Mask, Rows

HIT_COST = 0.4
"""What a hit of the inverted index costs, in parts of what scoring a row by its own tokens costs."""

MARGIN = 1.2
"""Hits asked per hit expected to be needed."""

NOTHING = ScoredRows(np.empty(0, np.int64), np.empty(0, np.float32))

_FIELD_WEIGHTS = np.array([FIELD_WEIGHTS[field] for field in FIELDS], np.float32)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit; methods as in base.Index.

    Attributes:
        manifest: What was committed.
        vectors: The kept embeddings.
        data: Columns and tokens.
        codes: Vector codes.
        text: The inverted index; None when nothing was ever committed.
    """

    manifest: Manifest
    vectors: VectorRows
    data: RowData
    codes: VectorCodes
    text: TextReader | None

    def mask(self, filters: Filters) -> Mask | None:
        """Live rows that satisfy the filters; None when the filters are empty."""
        return self.data.columns.mask(filters)

    def search_vectors(self, embedding: Embeddings, depth: int, mask: Mask | None) -> ScoredRows:
        """The rows of largest cosine."""
        return search_vectors(self.vectors, self.codes, self._check(embedding), depth, self._allowed(mask))

    def search_text(self, query: TextQuery, depth: int, mask: Mask | None) -> ScoredRows:
        """The rows of largest BM25 summed over fields with FIELD_WEIGHTS."""
        terms = weighted_terms(scoring_clauses(query))
        if self.text is None or not terms or depth < 1:
            return NOTHING
        allowed = self._allowed(mask)
        count = int(np.count_nonzero(allowed))
        if count == 0:
            return NOTHING
        matches = sum(map(sum, self.text.frequencies(terms).values()))
        share = count / len(allowed)
        expected = min(matches, depth / share)
        if expected * HIT_COST > count:
            return self._score_all(terms, query, depth, allowed)
        limit = depth if share == 1.0 else int(expected * MARGIN) + 100
        return _search_wide(self.text, terms, query, depth, allowed, limit)

    def _score_all(
        self, terms: Sequence[WeightedTerm], query: TextQuery, depth: int, allowed: Mask
    ) -> ScoredRows:
        """Score every allowed row by its own tokens."""
        wanted = self.text_mask(query)
        rows = np.flatnonzero(allowed if wanted is None else allowed & wanted)
        scores = self._bm25([terms], rows)[0] @ _FIELD_WEIGHTS
        if not query.must:
            rows, scores = rows[scores > 0], scores[scores > 0]
        return best(rows, scores, depth)

    def text_mask(self, query: TextQuery) -> Mask | None:
        """Live rows that satisfy must and must_not; None when there are neither."""
        if not (query.must or query.must_not):
            return None
        mask = self.data.columns.live.copy()
        for clause in query.must:
            mask &= self._matching(clause)
        for clause in query.must_not:
            mask &= ~self._matching(clause)
        return mask

    def _matching(self, clause: TextClause) -> Mask:
        mask = np.zeros(self.data.columns.rows, np.bool_)
        if self.text is not None:
            rows = self.text.matching(clause)
            mask[rows[rows < len(mask)]] = True
        return mask

    def clause_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per clause and field of given rows, without FIELD_WEIGHTS."""
        groups = [weighted_terms([clause]) for clause in scoring_clauses(query)]
        return self._bm25(groups, np.asarray(rows, np.int64))

    def field_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per field of given rows, without FIELD_WEIGHTS."""
        terms = weighted_terms(scoring_clauses(query))
        return np.asarray(self._bm25([terms], np.asarray(rows, np.int64))[0])

    def _bm25(self, groups: Sequence[Sequence[WeightedTerm]], rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 of groups of terms, (groups, n, len(FIELDS))."""
        scores = np.zeros((len(groups), len(rows), len(FIELDS)), np.float32)
        if self.text is None:
            return scores
        columns = self.data.columns
        held = RowTokens(self.data.tokens, columns["token_start"][rows], columns["token_counts"][rows])
        for place, terms in enumerate(groups):
            frequencies = self.text.frequencies(terms)
            statistics = TextStatistics(self.manifest.live, self.data.mean_lengths, frequencies)
            scores[place] = held.bm25(terms, statistics)
        return scores

    def cosines(self, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
        """Exact cosine of given rows with one embedding."""
        return cosines(self.vectors, self._check(embedding), np.asarray(rows, np.int64))

    def embeddings(self, rows: Rows) -> Embeddings:
        """The kept embeddings of given rows, (n, dim)."""
        return self.vectors.take(np.asarray(rows, np.int64)).astype(np.float32)

    def phrases(self, clause: TextClause, rows: Rows) -> Mask:
        """Whether the clause stands as a phrase in each field of given rows, (n, len(FIELDS))."""
        columns, rows = self.data.columns, np.asarray(rows, np.int64)
        held = RowTokens(self.data.tokens, columns["token_start"][rows], columns["token_counts"][rows])
        return held.phrase(clause)

    def features(self, rows: Rows, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Query-independent features of given rows, NaN when unknown."""
        return self.data.columns.features(np.asarray(rows, np.int64), names)

    def suppliers(self, rows: Rows) -> Rows:
        """A number for each row's supplier, (n,)."""
        return self.data.columns["supplier"][np.asarray(rows, np.int64)].astype(np.int64)

    def search_fingerprints(self, fingerprint: bytes, max_distance: int, mask: Mask | None) -> ScoredRows:
        """Rows whose fingerprint differs in at most max_distance bits."""
        return self.data.columns.search_fingerprints(fingerprint, max_distance, self._allowed(mask))

    def near_pairs(self, rows: Rows, max_distance: int) -> NearPairs:
        """Pairs of rows whose fingerprints differ in at most max_distance bits."""
        first, second, trusted = self.data.columns.near_pairs(np.asarray(rows, np.int64), max_distance)
        left, right = (self.embeddings(rows[places]) for places in (first, second))
        return NearPairs(first, second, np.einsum("ij,ij->i", left, right), trusted)

    def facets(self, rows: Rows | None, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Count values of attributes."""
        return self.data.columns.facets(rows, names)

    def _allowed(self, mask: Mask | None) -> Mask:
        """Live rows of a mask; rows that came after the mask was made are left out."""
        live = self.data.columns.live
        if mask is None:
            return live
        if len(mask) < len(live):
            mask = np.pad(mask, (0, len(live) - len(mask)))
        return live & mask[: len(live)]

    def _check(self, embedding: Embeddings) -> Embeddings:
        query = np.ascontiguousarray(embedding, np.float32).reshape(-1)
        if query.size != self.vectors.dim:
            raise DimensionMismatch(f"expected an embedding of {self.vectors.dim} numbers, got {query.size}")
        if not np.isfinite(query).all():
            raise QueryError("the query embedding holds NaN or infinite numbers", reason="bad_embedding")
        return query


def _search_wide(
    text: TextReader,
    terms: Sequence[WeightedTerm],
    query: TextQuery,
    depth: int,
    allowed: Mask,
    limit: int,
) -> ScoredRows:
    """Ask the inverted index for more hits until ``depth`` of them are allowed or there are no more."""
    while True:
        hits = text.search(terms, query, limit)
        kept = hits.rows < len(allowed)  # it may be a commit ahead
        kept[kept] = allowed[hits.rows[kept]]
        if np.count_nonzero(kept) >= depth or len(hits.rows) < limit:
            return best(hits.rows[kept], hits.scores[kept], depth)
        limit *= 4
