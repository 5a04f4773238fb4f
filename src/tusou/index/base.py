"""What every index engine offers: text and vector recall over rows, filters applied before the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tusou.types import Embeddings, Filters, Mask, Rows, Swatch

FIELDS = ("title", "keywords", "description", "creator", "filename")
"""Text fields, in the order explanations show them."""


@dataclass(frozen=True, slots=True)
class FieldTokens:
    """One text field, analysed: words (search-mode segmentation) and character bigrams of Chinese runs."""

    words: tuple[str, ...] = ()
    grams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """What the index knows about one row besides its embedding.

    Attributes:
        row: Index position, 0-based, assigned by the catalog, never reused.
        fields: Field name (of FIELDS) to its tokens.
        supplier: Supplier's name.
        license: Licence code; empty when unknown.
        license_type: What the licence allows: any of ``commercial``, ``modification``.
        format: Sniffed format.
        width: Pixels.
        height: Pixels.
        added: POSIX seconds.
        palette: Dominant colours, at most 6.
        fingerprint: 32 bytes.
        fingerprint_quality: 0 to 100.
        features: Query-independent ranking features by name (quality, authority …), NaN when unknown.
    """

    row: int
    fields: Mapping[str, FieldTokens]
    supplier: str
    license: str
    license_type: tuple[str, ...]
    format: str
    width: int
    height: int
    added: float
    palette: tuple[Swatch, ...]
    fingerprint: bytes
    fingerprint_quality: int
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TextClause:
    """One wanted or unwanted thing of a text query.

    Attributes:
        words: Word tokens of the clause.
        grams: Character bigrams of the clause's Chinese runs (a single character for a one-character run).
        phrase: Tokens must stand next to each other in order.
        weight: Importance, 1 normally; expansions less.
        stands_for: Place of the wanted clause this one is a synonym of, or None.
    """

    words: tuple[str, ...] = ()
    grams: tuple[str, ...] = ()
    phrase: bool = False
    weight: float = 1.0
    stands_for: int | None = None


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Analysed words of a query.

    Attributes:
        should: Clauses that earn score.
        must: Clauses an answer has to contain (quoted phrases).
        must_not: Clauses an answer must not contain (``-word``).
    """

    should: tuple[TextClause, ...] = ()
    must: tuple[TextClause, ...] = ()
    must_not: tuple[TextClause, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Rows with a retriever's score, best first, ties by row.

    Attributes:
        rows: (n,) int64.
        scores: (n,) float32, higher is better.
    """

    rows: Rows
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs of given rows whose fingerprints are near.

    Attributes:
        first: (p,) places among the rows.
        second: (p,) larger places.
        cosines: (p,) of their embeddings.
        trusted: (p,) both pictures have enough detail for their fingerprints to be trusted.
    """

    first: Rows
    second: Rows
    cosines: npt.NDArray[np.float32]
    trusted: Mask


def best(rows: Rows, scores: npt.NDArray[np.float32], depth: int) -> ScoredRows:
    """The best ``depth`` rows in order, ties by row."""
    if depth < len(rows):
        threshold = np.partition(scores, len(scores) - depth)[len(scores) - depth]
        kept = np.flatnonzero(scores >= threshold)
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:depth]
    return ScoredRows(rows[order], scores[order])


class VectorRows(Protocol):
    """The kept embeddings, addressed by row (the truth; the index only quantises them)."""

    dim: int

    def __len__(self) -> int:
        """Rows kept, dead ones included."""
        ...

    def take(self, rows: Rows) -> npt.NDArray[np.float16]:
        """Embeddings of the rows, (n, dim) float16."""
        ...

    def slice(self, start: int, stop: int) -> npt.NDArray[np.float16]:
        """Embeddings of consecutive rows, (stop - start, dim) float16."""
        ...


class Index(Protocol):
    """One inverted and vector index over rows.

    Writes become durable and visible at commit(); a reader in another process sees them after refresh().
    The watermark is the catalog change number up to which the committed index is complete.

    Attributes:
        dim: Length of an embedding.
        folder: Where it keeps its files, and others what belongs to it.
    """

    dim: int
    folder: Path

    @property
    def embedded(self) -> int:
        """Rows that have an embedding so far; only these can be put."""
        ...

    @property
    def watermark(self) -> int:
        """Catalog change number of the last commit; 0 for an empty index."""
        ...

    def __len__(self) -> int:
        """Live rows."""
        ...

    def upsert(self, documents: Sequence[IndexDocument]) -> None:
        """Add rows or replace their text and attributes; embeddings are read from the VectorRows."""
        ...

    def delete(self, rows: Sequence[int]) -> None:
        """Take rows out; unknown rows are ignored."""
        ...

    def commit(self, watermark: int) -> None:
        """Make everything since the last commit durable and visible."""
        ...

    def refresh(self) -> bool:
        """See what another process committed; True when something changed."""
        ...

    def mask(self, filters: Filters) -> Mask | None:
        """Live rows that satisfy the filters exactly; None when the filters are empty (all live rows)."""
        ...

    def search_vectors(self, embedding: Embeddings, depth: int, mask: Mask | None = None) -> ScoredRows:
        """The rows of largest cosine with one embedding (dim,), scores re-computed from the kept rows."""
        ...

    def search_text(self, query: TextQuery, depth: int, mask: Mask | None = None) -> ScoredRows:
        """The rows of largest BM25 summed over fields; exclusions and the mask applied before scoring."""
        ...

    def text_mask(self, query: TextQuery) -> Mask | None:
        """Live rows that satisfy must and must_not; None when there are neither."""
        ...

    def field_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per field of given rows, (n, len(FIELDS)); 0 where a field does not match."""
        ...

    def clause_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per clause and field of given rows, (clauses, n, len(FIELDS)).

        Clauses are the should and then the must clauses of the query; their sum is field_scores.
        """
        ...

    def cosines(self, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
        """Exact cosine (of the kept float16 rows) of given rows with one embedding, (n,)."""
        ...

    def embeddings(self, rows: Rows) -> Embeddings:
        """The kept embeddings of given rows, (n, dim)."""
        ...

    def phrases(self, clause: TextClause, rows: Rows) -> Mask:
        """Whether the clause's words, and its bigrams, stand next to each other, (n, len(FIELDS))."""
        ...

    def features(self, rows: Rows, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Query-independent features of given rows, (n, len(names)), NaN when unknown."""
        ...

    def suppliers(self, rows: Rows) -> Rows:
        """A number for each row's supplier, (n,): equal where the supplier is, without further meaning."""
        ...

    def search_fingerprints(
        self, fingerprint: bytes, max_distance: int, mask: Mask | None = None
    ) -> ScoredRows:
        """Rows whose fingerprint differs in at most max_distance bits; score is 1 - distance / 256."""
        ...

    def near_pairs(self, rows: Rows, max_distance: int) -> NearPairs:
        """Pairs among a few hundred rows whose fingerprints differ in at most max_distance bits."""
        ...

    def facets(self, rows: Rows | None, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Count values of supplier, license, license_type, orientation, format and color.

        Args:
            rows: Rows to count over; None for all live rows.
            names: Facets wanted.
        """
        ...

    def verify(self) -> list[str]:
        """Problems found by comparing every file with its manifest; empty when sound."""
        ...

    def close(self) -> None:
        """Release files; uncommitted writes are lost."""
        ...
