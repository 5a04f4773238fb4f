"""Features: the numbers a ranker sees of a (query, image), named, versioned and gathered in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.index.base import FIELDS, Index, TextQuery
from tusou.ranking.quality import MEASURES, quality
from tusou.types import Embeddings, Rows

Columns = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What one feature means.

    Attributes:
        name: Name in explanations, logs and trained rankers.
        version: Raised when the same name comes to mean other numbers.
        unit: What is counted.
        low: Smallest value.
        high: Largest value; infinity when open.
        missing: What stands for unknown: 0 where absence is a measurement, NaN where it is ignorance.
        meaning: One sentence.
    """

    name: str
    version: int
    unit: str
    low: float
    high: float
    missing: float
    meaning: str


def _bm25_spec(field: str) -> FeatureSpec:
    meaning = f"BM25 of the query's words in the {field}; 0 when none occurs."
    return FeatureSpec(f"bm25_{field}", 1, "BM25", 0.0, np.inf, 0.0, meaning)


FEATURES: tuple[FeatureSpec, ...] = (
    *map(_bm25_spec, FIELDS),
    FeatureSpec("coverage", 1, "share", 0.0, 1.0, 0.0, "Weighted share of the query's words found."),
    FeatureSpec(
        "dense_similarity", 1, "cosine", -1.0, 1.0, np.nan, "Cosine of the query's words with the picture."
    ),
    FeatureSpec(
        "image_similarity", 1, "cosine", -1.0, 1.0, np.nan, "Cosine of the query picture with the picture."
    ),
    FeatureSpec("quality", 1, "share", 0.0, 1.0, np.nan, "Technical quality, see ``ranking.quality``."),
    FeatureSpec("authority", 1, "share", 0.0, 1.0, np.nan, "Trust in the supplier."),
    FeatureSpec("megapixels", 1, "megapixels", 0.0, np.inf, np.nan, "Size of the original."),
    FeatureSpec("sharpness", 1, "log variance", 0.0, np.inf, np.nan, "Detail at a fixed size; 0 is flat."),
    FeatureSpec("exposure", 1, "share", 0.0, 1.0, np.nan, "Pixels neither black nor white."),
    FeatureSpec("contrast", 1, "share", 0.0, 0.5, np.nan, "RMS contrast of luma."),
    FeatureSpec("colorfulness", 1, "M", 0.0, np.inf, np.nan, "0 is grey, above about 100 is vivid."),
    FeatureSpec("blockiness", 1, "ratio", 0.0, np.inf, np.nan, "Visible compression blocks; 0 is none."),
    FeatureSpec("keyword_count", 1, "count", 0.0, np.inf, np.nan, "Keywords the supplier delivered."),
)
"""Every feature, in the order of a FeatureTable's columns."""

FEATURE_NAMES = tuple(spec.name for spec in FEATURES)
STORED = (
    "authority",
    "megapixels",
    "sharpness",
    "exposure",
    "contrast",
    "colorfulness",
    "blockiness",
    "keyword_count",
)
"""Features that do not depend on the query; the index keeps them per row."""

COVERAGE_TERMS = 8
"""Words whose coverage is measured, the first ones of the query; each costs one look at every candidate."""


@dataclass(frozen=True, slots=True)
class RankingQuery:
    """What features are measured against.

    Attributes:
        text: Analysed words.
        text_embedding: (dim,) of the words, or None.
        image_embedding: (dim,) of the query picture, or None.
        image_weight: Share of the picture in what is asked: 0 without a picture, 1 without words.
    """

    text: TextQuery
    text_embedding: Embeddings | None = None
    image_embedding: Embeddings | None = None
    image_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of the candidates of one query.

    Attributes:
        values: (n, len(FEATURES)) float32, columns in the order of FEATURES.
        image_weight: See RankingQuery.
    """

    values: npt.NDArray[np.float32]
    image_weight: float = 0.0

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """One feature of every candidate, (n,)."""
        return self.values[:, FEATURE_NAMES.index(name)]

    def columns(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Some features of every candidate, (n, len(names))."""
        return self.values[:, [FEATURE_NAMES.index(name) for name in names]]


def gather_features(index: Index, query: RankingQuery, rows: Rows) -> FeatureTable:
    """Measure every feature of the rows.

    Args:
        index: Where the rows live.
        query: What to measure against.
        rows: (n,) candidates.
    """
    stored = index.features(rows, STORED)
    parts = [
        *_lexical(index, query.text, rows),
        _cosines(index, query.text_embedding, rows),
        _cosines(index, query.image_embedding, rows),
        quality(*(stored[:, STORED.index(name)] for name in MEASURES)).reshape(-1, 1),
        stored,
    ]
    return FeatureTable(np.concatenate(parts, axis=1).astype(np.float32, copy=False), query.image_weight)


def _lexical(index: Index, text: TextQuery, rows: Rows) -> tuple[Columns, Columns]:
    """BM25 per field, (n, len(FIELDS)), and coverage, (n, 1).

    BM25 adds up over words, so the fields' scores are the sum of each word's. Coverage is the share of the
    words found; a word weighs the best BM25 it earns in one field, which grows with its inverse document
    frequency, so rare words weigh more.
    """
    each = index.clause_scores(TextQuery(should=text.should), rows)
    earned = each[:COVERAGE_TERMS].max(axis=2)
    weights = earned.max(axis=1, initial=0.0)
    coverage = weights @ (earned > 0) / max(float(weights.sum()), 1e-9)
    return each.sum(axis=0), coverage.astype(np.float32).reshape(-1, 1)


def _cosines(index: Index, embedding: Embeddings | None, rows: Rows) -> Columns:
    if embedding is None:
        return np.full((len(rows), 1), np.nan, np.float32)
    return index.cosines(embedding, rows).reshape(-1, 1)
