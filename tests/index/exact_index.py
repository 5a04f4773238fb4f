"""The naive oracle of the index contract: plain loops over documents, nothing kept that could be stale."""

from __future__ import annotations

import copy
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.errors import DimensionMismatch, QueryError, VectorIndexError
from tusou.index.base import (
    FIELDS,
    FieldTokens,
    IndexDocument,
    NearPairs,
    ScoredRows,
    TextClause,
    TextQuery,
    VectorRows,
)
from tusou.index.colors import FACET_TOLERANCE, NAMED_COLORS, SHADES, SHARE_FLOOR, lab_of
from tusou.index.token_rows import FIELD_WEIGHTS, GRAM_SHARE
from tusou.types import Embeddings, Filters, Mask, Range, Rows, Swatch, orientation_of

K1, B = 1.2, 0.75


class MemoryRows:
    """Embeddings in memory, as index.base.VectorRows."""

    def __init__(self, embeddings: npt.NDArray[np.float32]) -> None:
        self.dim = embeddings.shape[1]
        self.kept = embeddings.astype(np.float16)

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, rows: Rows) -> npt.NDArray[np.float16]:
        return self.kept[rows]

    def slice(self, start: int, stop: int) -> npt.NDArray[np.float16]:
        return self.kept[start:stop]


@dataclass
class Commit:
    """What an ExactIndex has committed; shared by its writer and readers like a folder."""

    documents: dict[int, IndexDocument] = field(default_factory=dict)
    rows: int = 0
    watermark: int = 0
    known: dict[tuple[str, str, int], tuple[int, float]] = field(default_factory=dict)

    def statistics(self, name: str, token: str, kind: int) -> tuple[int, float]:
        """Documents that hold a token in a channel, and the channel's mean length."""
        if (name, token, kind) not in self.known:
            channels = [_tokens(document, name)[kind] for document in self.documents.values()]
            frequency = sum(token in tokens for tokens in channels)
            self.known[name, token, kind] = frequency, sum(map(len, channels)) / len(channels)
        return self.known[name, token, kind]


@dataclass
class Place:
    """Where the last commit lies."""

    commit: Commit = field(default_factory=Commit)


class ExactIndex:
    """Index protocol in the simplest way that is right."""

    def __init__(self, place: Place, vectors: VectorRows) -> None:
        self.dim, self.folder = vectors.dim, Path()
        self._place, self._vectors, self._seen = place, vectors, place.commit
        self._pending = copy.copy(place.commit.documents)
        self._pending_rows = place.commit.rows

    @property
    def embedded(self) -> int:
        return len(self._vectors)

    @property
    def watermark(self) -> int:
        return self._seen.watermark

    def __len__(self) -> int:
        return len(self._seen.documents)

    def upsert(self, documents: Sequence[IndexDocument]) -> None:
        for document in documents:
            if (
                document.row >= len(self._vectors)
                or not np.isfinite(self._vectors.take(_row(document))).all()
            ):
                raise VectorIndexError(f"row {document.row} has no embedding")
            self._pending[document.row] = document
            self._pending_rows = max(self._pending_rows, document.row + 1)

    def delete(self, rows: Sequence[int]) -> None:
        for row in rows:
            self._pending.pop(row, None)

    def commit(self, watermark: int) -> None:
        self._place.commit = Commit(dict(self._pending), self._pending_rows, watermark)
        self._seen = self._place.commit

    def refresh(self) -> bool:
        changed = self._seen is not self._place.commit
        self._seen = self._place.commit
        return changed

    def mask(self, filters: Filters) -> Mask | None:
        return None if filters == Filters() else self._mask(lambda document: _satisfies(document, filters))

    def _mask(self, test: Callable[[IndexDocument], bool]) -> Mask:
        mask = np.zeros(self._seen.rows, np.bool_)
        for row, document in self._seen.documents.items():
            mask[row] = test(document)
        return mask

    def _allowed(self, mask: Mask | None) -> list[int]:
        rows = sorted(self._seen.documents)
        return rows if mask is None else [row for row in rows if row < len(mask) and mask[row]]

    def search_vectors(self, embedding: Embeddings, depth: int, mask: Mask | None = None) -> ScoredRows:
        rows = np.array(self._allowed(mask), np.int64)
        return _ranked(rows, self.cosines(embedding, rows), depth)

    def search_text(self, query: TextQuery, depth: int, mask: Mask | None = None) -> ScoredRows:
        wanted = self.text_mask(query)
        rows = [row for row in self._allowed(mask) if wanted is None or wanted[row]]
        if not (query.should or query.must):
            rows = []
        weights = [FIELD_WEIGHTS[name] for name in FIELDS]
        scores = self.field_scores(query, np.array(rows, np.int64)) @ np.array(weights, np.float32)
        kept = [place for place in range(len(rows)) if scores[place] > 0 or query.must]
        return _ranked(np.array(rows, np.int64)[kept], scores[kept], depth)

    def text_mask(self, query: TextQuery) -> Mask | None:
        if not (query.must or query.must_not):
            return None
        return self._mask(
            lambda document: (
                all(_matches(document, clause) for clause in query.must)
                and not any(_matches(document, clause) for clause in query.must_not)
            )
        )

    def field_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        scores = np.zeros((len(rows), len(FIELDS)), np.float32)
        for place, row in enumerate(rows):
            for column, name in enumerate(FIELDS):
                parts = (self._bm25(int(row), name, *term) for term in _terms(query))
                scores[place, column] = sum(parts)
        return scores

    def clause_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        parts = [self.field_scores(TextQuery((clause,)), rows) for clause in (*query.should, *query.must)]
        return np.array(parts, np.float32).reshape(len(parts), len(rows), len(FIELDS))

    def _bm25(self, row: int, name: str, token: str, kind: int, weight: float) -> float:
        tokens = _tokens(self._seen.documents[row], name)[kind]
        tf = tokens.count(token)
        if not tf:
            return 0.0
        frequency, mean = self._seen.statistics(name, token, kind)
        idf = math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))
        return weight * idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(tokens) / mean))

    def cosines(self, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
        if embedding.size != self.dim:
            raise DimensionMismatch(f"expected {self.dim}")
        if not np.isfinite(embedding).all():
            raise QueryError("not finite", reason="bad_embedding")
        return (self._vectors.take(rows).astype(np.float64) @ embedding.astype(np.float64)).astype(np.float32)

    def embeddings(self, rows: Rows) -> Embeddings:
        return self._vectors.take(rows).astype(np.float32)

    def phrases(self, clause: TextClause, rows: Rows) -> Mask:
        found = np.zeros((len(rows), len(FIELDS)), bool)
        for place, row in enumerate(rows):
            for column, name in enumerate(FIELDS):
                held = _tokens(self._seen.documents[int(row)], name)
                wanted = [
                    (held[kind], tokens) for kind, tokens in enumerate((clause.words, clause.grams)) if tokens
                ]
                found[place, column] = bool(wanted) and all(_runs(tokens, run) for tokens, run in wanted)
        return found

    def features(self, rows: Rows, names: Sequence[str]) -> npt.NDArray[np.float32]:
        values = [[self._seen.documents[int(r)].features.get(n, math.nan) for n in names] for r in rows]
        return np.array(values, np.float32).reshape(len(rows), len(names))

    def suppliers(self, rows: Rows) -> Rows:
        names = sorted({document.supplier for document in self._seen.documents.values()})
        return np.array([names.index(self._seen.documents[int(row)].supplier) for row in rows], np.int64)

    def search_fingerprints(
        self, fingerprint: bytes, max_distance: int, mask: Mask | None = None
    ) -> ScoredRows:
        near = {}
        for row in self._allowed(mask):
            document = self._seen.documents[row]
            distance = (int.from_bytes(document.fingerprint) ^ int.from_bytes(fingerprint)).bit_count()
            if distance <= max_distance and (distance == 0 or document.fingerprint_quality >= 50):
                near[row] = 1 - distance / 256
        return _ranked(np.array(list(near), np.int64), np.array(list(near.values()), np.float32), len(near))

    def near_pairs(self, rows: Rows, max_distance: int) -> NearPairs:
        first, second, trusted = [], [], []
        for i, j in itertools.combinations(range(len(rows)), 2):
            one, other = (self._seen.documents[int(rows[place])] for place in (i, j))
            distance = (int.from_bytes(one.fingerprint) ^ int.from_bytes(other.fingerprint)).bit_count()
            both = min(one.fingerprint_quality, other.fingerprint_quality) >= 50
            if distance == 0 or (both and distance <= max_distance):
                first.append(i)
                second.append(j)
                trusted.append(both)
        left, right = np.array(first, np.int64), np.array(second, np.int64)
        vectors = self._vectors.take(rows).astype(np.float64)
        cosines = (vectors[left] * vectors[right]).sum(axis=1).astype(np.float32)
        return NearPairs(left, right, cosines, np.array(trusted, bool))

    def facets(self, rows: Rows | None, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, int]]]:
        documents = [
            self._seen.documents[int(row)] for row in (self._allowed(None) if rows is None else rows)
        ]
        counts = {name: Counter(v for d in documents for v in _facet_values(d, name)) for name in names}
        return {name: sorted(c.items(), key=lambda pair: (-pair[1], pair[0])) for name, c in counts.items()}

    def verify(self) -> list[str]:
        return []

    def close(self) -> None:
        """Nothing to release."""


def _runs(tokens: Sequence[str], run: Sequence[str]) -> bool:
    return any(tuple(tokens[at : at + len(run)]) == tuple(run) for at in range(len(tokens) - len(run) + 1))


def _row(document: IndexDocument) -> Rows:
    return np.array([document.row], np.int64)


def _ranked(rows: Rows, scores: npt.NDArray[np.float32], depth: int) -> ScoredRows:
    order = sorted(range(len(rows)), key=lambda place: (-scores[place], rows[place]))[:depth]
    return ScoredRows(rows[order], scores[order])


def _tokens(document: IndexDocument, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    tokens = document.fields.get(name, FieldTokens())
    return tokens.words, tokens.grams


def _terms(query: TextQuery) -> Iterator[tuple[str, int, float]]:
    for clause in (*query.should, *query.must):
        both = bool(clause.words and clause.grams)
        for kind, tokens in enumerate((clause.words, clause.grams)):
            share = ((1 - GRAM_SHARE), GRAM_SHARE)[kind] if both else 1.0
            for token in tokens:
                yield token, kind, clause.weight * share / len(tokens)


def _matches(document: IndexDocument, clause: TextClause) -> bool:
    kinds = [(kind, tokens) for kind, tokens in enumerate((clause.words, clause.grams)) if tokens]
    for name in FIELDS:
        held = _tokens(document, name)
        if clause.phrase:
            found = [_adjacent(held[kind], tokens) for kind, tokens in kinds]
        else:
            found = [set(tokens) <= set(held[kind]) for kind, tokens in kinds]
        if found and (all(found) if clause.phrase else any(found)):
            return True
    return False


def _adjacent(held: tuple[str, ...], tokens: tuple[str, ...]) -> bool:
    return any(held[start : start + len(tokens)] == tokens for start in range(len(held)))


def _satisfies(document: IndexDocument, filters: Filters) -> bool:
    shape = orientation_of(document.width, document.height)
    return (
        (not filters.supplier or document.supplier in filters.supplier)
        and document.supplier not in filters.exclude_supplier
        and (not filters.license or document.license in filters.license)
        and set(filters.license_type) <= set(document.license_type)
        and (not filters.orientation or shape in filters.orientation)
        and (not filters.format or document.format in filters.format)
        and _inside(document.width, filters.width)
        and _inside(document.height, filters.height)
        and _inside(document.width * document.height / 1e6, filters.megapixels)
        and _inside(document.added, filters.added)
        and all(_has_color(document, rgb, filters.color_tolerance) for rgb in filters.color)
    )


def _inside(value: float, interval: Range | None) -> bool:
    if interval is None:
        return True
    low, high = interval.low, interval.high
    return (low is None or value >= low) and (high is None or value <= high)


def _has_color(document: IndexDocument, rgb: tuple[int, int, int], tolerance: float) -> bool:
    names = [name for name, anchor in NAMED_COLORS.items() if anchor == rgb and tolerance == FACET_TOLERANCE]
    shades = [rgb, *(shade for name in names for shade in SHADES.get(name, ()))]
    swatches = [swatch for swatch in document.palette if _covers(swatch)]
    return any(_distance(swatch, shade) <= tolerance for swatch in swatches for shade in shades)


def _covers(swatch: Swatch) -> bool:
    return swatch.share >= SHARE_FLOOR


@cache
def _distance(swatch: Swatch, rgb: tuple[int, int, int]) -> float:
    return math.dist(lab_of(swatch.rgb).tolist(), lab_of(rgb).tolist())


def _facet_values(document: IndexDocument, name: str) -> Sequence[str]:
    if name == "license_type":
        return document.license_type
    if name == "orientation":
        return (orientation_of(document.width, document.height),)
    if name == "color":
        return [c for c, rgb in NAMED_COLORS.items() if _has_color(document, rgb, FACET_TOLERANCE)]
    value = {"supplier": document.supplier, "license": document.license, "format": document.format}[name]
    return (value,) if value else ()
