"""Features: the numbers a ranker sees of a (query, image), named, versioned and gathered in columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tusou.feedback.attraction import attraction, popularity
from tusou.feedback.counts import BehaviorSource
from tusou.index.base import FIELDS, Index, TextClause, TextQuery
from tusou.index.token_rows import FIELD_WEIGHTS
from tusou.ranking.bank import ImageBank
from tusou.ranking.quality import MEASURES, quality
from tusou.types import Embeddings, Language, Rows

Columns = npt.NDArray[np.float32]

PairScorer = Callable[[Embeddings, Embeddings], Columns]
"""Scores one query's embedding (dim,) with those of images (n, dim): (n,), higher is better."""


Where = Literal["inverted index", "vector index", "columns", "candidates", "event log"]
"""What a feature is computed from; ``candidates`` are other features of the same query."""


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
        where: What it is computed from.
        direction: 1 when more of it can only speak for an image, so that no ranker may turn it round; 0 when
            data decide.
        meaning: One sentence.
    """

    name: str
    version: int
    unit: str
    low: float
    high: float
    missing: float
    where: Where
    direction: Literal[0, 1]
    meaning: str


def _spec(
    name: str,
    unit: str,
    span: tuple[float, float],
    missing: float,
    where: Where,
    direction: Literal[0, 1],
    meaning: str,
    version: int = 1,
) -> FeatureSpec:
    return FeatureSpec(name, version, unit, *span, missing, where, direction, meaning)


def _bm25_spec(field: str) -> FeatureSpec:
    meaning = f"BM25 of the query's words in the {field}; 0 when none occurs."
    return _spec(f"bm25_{field}", "BM25", (0.0, np.inf), 0.0, "inverted index", 1, meaning)


OPEN, SHARE, COSINE = (0.0, np.inf), (0.0, 1.0), (-1.0, 1.0)

FEATURES: tuple[FeatureSpec, ...] = (
    *map(_bm25_spec, FIELDS),
    _spec(
        "coverage",
        "share",
        SHARE,
        0.0,
        "inverted index",
        1,
        "Weighted share of the query's words found; words no candidate holds count.",
        version=2,
    ),
    _spec(
        "dense_similarity",
        "cosine",
        COSINE,
        np.nan,
        "vector index",
        1,
        "Cosine of the query's words with the picture.",
    ),
    _spec(
        "image_similarity",
        "cosine",
        COSINE,
        np.nan,
        "vector index",
        1,
        "Cosine of the query picture with the picture.",
    ),
    _spec("quality", "share", SHARE, np.nan, "columns", 1, "Technical quality, see ``ranking.quality``."),
    _spec("authority", "share", SHARE, np.nan, "columns", 1, "Trust in the supplier."),
    _spec("megapixels", "megapixels", OPEN, np.nan, "columns", 0, "Size of the original."),
    _spec("sharpness", "log variance", OPEN, np.nan, "columns", 0, "Detail at a fixed size; 0 is flat."),
    _spec("exposure", "share", SHARE, np.nan, "columns", 0, "Pixels neither black nor white."),
    _spec("contrast", "share", (0.0, 0.5), np.nan, "columns", 0, "RMS contrast of luma."),
    _spec("colorfulness", "M", OPEN, np.nan, "columns", 0, "0 is grey, above about 100 is vivid."),
    _spec("blockiness", "ratio", OPEN, np.nan, "columns", 0, "Visible compression blocks; 0 is none."),
    _spec("keyword_count", "count", OPEN, np.nan, "columns", 0, "Keywords the supplier delivered."),
    _spec(
        "bm25f", "BM25", OPEN, 0.0, "candidates", 1, "BM25 over all fields, weighted as recall weighs them."
    ),
    _spec(
        "dense_z",
        "standard deviations",
        (-np.inf, np.inf),
        np.nan,
        "candidates",
        1,
        "dense_similarity, standardised over the candidates of the query.",
    ),
    _spec(
        "dense_rank",
        "share",
        SHARE,
        np.nan,
        "candidates",
        1,
        "Share of the candidates whose dense_similarity is not larger.",
    ),
    _spec(
        "dense_bank_z",
        "standard deviations",
        (-np.inf, np.inf),
        np.nan,
        "vector index",
        1,
        "dense_similarity, standardised over a fixed image bank, so that it compares between queries.",
    ),
    _spec(
        "pair_score",
        "logit",
        (-np.inf, np.inf),
        np.nan,
        "vector index",
        1,
        "What the bundle's own network says of words and picture together (concatenation scorer); unknown "
        "where the cosine is the bundle's score.",
    ),
    _spec(
        "phrase",
        "weight",
        (0.0, 2.0),
        0.0,
        "inverted index",
        1,
        "Largest weight of a field in which the query's words stand as typed, next to each other in order.",
    ),
    _spec(
        "keyword_votes",
        "BM25",
        OPEN,
        np.nan,
        "candidates",
        1,
        "bm25f of the best keyword candidates that look distinctly like the image, without its own: what its "
        "keywords would say if they were like theirs.",
    ),
    _spec(
        "language_match",
        "share",
        SHARE,
        np.nan,
        "columns",
        1,
        "1 when the image has texts in the query's language, 0 when it has none.",
    ),
    _spec(
        "age", "log days", OPEN, np.nan, "columns", 0, "log(1 + days since the image entered the library)."
    ),
    _spec(
        "image_clicks",
        "share",
        SHARE,
        np.nan,
        "event log",
        1,
        "Clicks and downloads over expected examinations, all queries; of an unseen image what the learned "
        "score makes believe.",
    ),
    _spec(
        "pair_clicks",
        "share",
        SHARE,
        np.nan,
        "event log",
        1,
        "The same under this query; of an unseen pair what image_clicks says.",
    ),
    _spec(
        "click_lift",
        "share",
        COSINE,
        np.nan,
        "event log",
        1,
        "How far people moved pair_clicks from what the learned score made believe; 0 for an unseen image.",
    ),
    _spec(
        "popularity",
        "ratio",
        OPEN,
        np.nan,
        "event log",
        1,
        "Clicks and downloads over expected examinations, all queries, over the same of its supplier's "
        "candidates together; 1 is as usual there.",
    ),
    _spec(
        "examinations",
        "log count",
        OPEN,
        np.nan,
        "event log",
        0,
        "log(1 + expected examinations), all queries.",
    ),
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

SECONDS_PER_DAY = 86_400

RECORDED = ("texts_en", "texts_zh", "added_day")
"""What the index keeps per row for features that depend on the query or the day."""

VOTERS = 100
"""Keyword candidates, the best ones, whose keywords vote for images that look like theirs."""

LIKENESS = 3.0
"""Standard deviations above the mean cosine of candidates with voters from which a voter is heard."""

MEAN_ATTRACTION = 0.1
"""Chance of a click once examined, believed of an average candidate before any click."""

_FIELD_WEIGHTS = np.array([FIELD_WEIGHTS[field] for field in FIELDS], np.float32)

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
        words: The words as typed, as the event log has them.
        phrase: All of them next to each other in order, or None.
        lang: Language they are in, or None.
        now: POSIX seconds; the present when None.
        scorer: Scores the words with pictures, where the bundle has such a network.
    """

    text: TextQuery
    text_embedding: Embeddings | None = None
    image_embedding: Embeddings | None = None
    image_weight: float = 0.0
    words: str = ""
    phrase: TextClause | None = None
    lang: Language | None = None
    now: float | None = None
    scorer: PairScorer | None = None


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

    def of_rows(self, kept: npt.NDArray[np.bool_]) -> FeatureTable:
        """Features of some of the candidates."""
        return FeatureTable(self.values[kept], self.image_weight)

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """One feature of every candidate, (n,)."""
        return self.values[:, FEATURE_NAMES.index(name)]

    def columns(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Some features of every candidate, (n, len(names))."""
        return self.values[:, [FEATURE_NAMES.index(name) for name in names]]


def gather_features(
    index: Index,
    query: RankingQuery,
    rows: Rows,
    behavior: BehaviorSource | None = None,
    bank: ImageBank | None = None,
) -> FeatureTable:
    """Measure every feature of the rows.

    Args:
        index: Where the rows live.
        query: What to measure against.
        rows: (n,) candidates.
        behavior: What people did; behaviour is unknown (NaN) without it.
        bank: What ``dense_bank_z`` is standardised over; it is unknown (NaN) without one.
    """
    stored = index.features(rows, STORED)
    fields, coverage = _lexical(index, query.text, rows)
    dense = _cosines(index, query.text_embedding, rows)
    guess, bm25f = _rank_share(dense[:, 0]), fields @ _FIELD_WEIGHTS
    parts = [
        fields,
        coverage,
        dense,
        _cosines(index, query.image_embedding, rows),
        quality(*(stored[:, STORED.index(name)] for name in MEASURES)).reshape(-1, 1),
        stored,
        bm25f.reshape(-1, 1),
        _standardized(dense[:, 0]).reshape(-1, 1),
        guess.reshape(-1, 1),
        _over_bank(bank, query.text_embedding, dense[:, 0]),
        _pair_score(index, query, rows),
        _phrase(index, query.phrase, rows),
        _votes(index, rows, bm25f),
        _recorded(index, query, rows),
        _behavior(behavior, query.words, rows, guess, index.suppliers(rows)),
    ]
    return FeatureTable(np.concatenate(parts, axis=1).astype(np.float32, copy=False), query.image_weight)


def _lexical(index: Index, text: TextQuery, rows: Rows) -> tuple[Columns, Columns]:
    """BM25 per field, (n, len(FIELDS)), and coverage, (n, 1).

    BM25 adds up over words, so the fields' scores are the sum of each word's. Coverage is the share of the
    words found; a word weighs the best BM25 it earns in one field, which grows with its inverse document
    frequency, so rare words weigh more. A word no candidate holds weighs as much as the rarest found: were it
    left out, a red car would cover all of "red unicorn" in a library without unicorns.
    """
    each = index.clause_scores(TextQuery(should=text.should), rows)
    earned = _of_wanted(text, each.max(axis=2))[:COVERAGE_TERMS]
    weights = earned.max(axis=1, initial=0.0)
    weights = np.where(weights > 0, weights, weights.max(initial=0.0))
    coverage = weights @ (earned > 0) / max(float(weights.sum()), 1e-9)
    return each.sum(axis=0), coverage.astype(np.float32).reshape(-1, 1)


def _of_wanted(text: TextQuery, earned: Columns) -> Columns:
    """What each wanted clause or one of its synonyms earns, (wanted clauses, n)."""
    own = [place for place, clause in enumerate(text.should) if clause.stands_for is None]
    if len(own) == len(earned):
        return earned
    best = earned[own]
    for place, clause in enumerate(text.should):
        if clause.stands_for is not None:
            np.maximum(best[clause.stands_for], earned[place], out=best[clause.stands_for])
    return best


def _cosines(index: Index, embedding: Embeddings | None, rows: Rows) -> Columns:
    if embedding is None:
        return np.full((len(rows), 1), np.nan, np.float32)
    return index.cosines(embedding, rows).reshape(-1, 1)


def _standardized(values: Columns) -> Columns:
    spread = float(values.std()) if len(values) else 0.0
    return (values - values.mean()) / spread if spread > 0 else values * 0  # NaN stays NaN


def _over_bank(bank: ImageBank | None, embedding: Embeddings | None, cosines: Columns) -> Columns:
    if bank is None or embedding is None:
        return np.full((len(cosines), 1), np.nan, np.float32)
    return bank.standardize(embedding, cosines).reshape(-1, 1)


def _rank_share(values: Columns) -> Columns:
    """Share of the values that are not larger, (n,); NaN where nothing was measured."""
    if not len(values) or np.isnan(values).any():
        return np.full(len(values), np.nan, np.float32)
    return (np.searchsorted(np.sort(values), values, side="right") / len(values)).astype(np.float32)


def _pair_score(index: Index, query: RankingQuery, rows: Rows) -> Columns:
    if query.scorer is None or query.text_embedding is None or not len(rows):
        return np.full((len(rows), 1), np.nan, np.float32)
    return query.scorer(query.text_embedding, index.embeddings(rows)).reshape(-1, 1)


def _phrase(index: Index, phrase: TextClause | None, rows: Rows) -> Columns:
    if phrase is None:
        return np.zeros((len(rows), 1), np.float32)
    best: Columns = (index.phrases(phrase, rows) * _FIELD_WEIGHTS).max(axis=1, initial=0.0).reshape(-1, 1)
    return best


def _votes(index: Index, rows: Rows, bm25f: Columns) -> Columns:
    """Mean bm25f of the voters that look distinctly like each row, (n, 1); doubt pulls it to 0.

    A voter's weight is by how much its cosine lies above LIKENESS, in standard deviations over all pairs.
    Keyword propagation by visual neighbours, as Li, Snoek and Worring learn the worth of tags (TMM 2009).
    """
    found = np.flatnonzero(bm25f > 0)
    if not len(found):
        return np.full((len(rows), 1), np.nan, np.float32)
    voters = found[np.argsort(-bm25f[found], kind="stable")[:VOTERS]]
    embeddings = index.embeddings(rows)
    cosines = embeddings @ embeddings[voters].T
    spread = max(float(cosines.std()), 1e-9)
    cosines[voters, np.arange(len(voters))] = -1.0  # nobody votes for itself
    weights = np.maximum((cosines - cosines.mean()) / spread - LIKENESS, 0.0)
    votes: Columns = ((weights @ bm25f[voters]) / (weights.sum(axis=1) + 1.0)).reshape(-1, 1)
    return votes


def _recorded(index: Index, query: RankingQuery, rows: Rows) -> Columns:
    """Columns language_match and age."""
    recorded = index.features(rows, RECORDED)
    match = np.full(len(rows), np.nan, np.float32)
    if query.lang is not None:
        match = recorded[:, RECORDED.index(f"texts_{query.lang}")]
    now = (time.time() if query.now is None else query.now) / SECONDS_PER_DAY
    return np.column_stack([match, np.log1p(np.maximum(now - recorded[:, 2], 0.0))])


def _behavior(
    behavior: BehaviorSource | None, words: str, rows: Rows, guess: Columns, suppliers: Rows
) -> Columns:
    """Columns image_clicks, pair_clicks, click_lift, popularity and examinations.

    The belief about an unseen image is MEAN_ATTRACTION times twice its dense_rank: the best candidate is
    believed to be clicked twice as often as the average one, the last never. Clicks then move it.
    """
    if behavior is None:
        return np.full((len(rows), 5), np.nan, np.float32)
    prior = MEAN_ATTRACTION * np.nan_to_num(2 * guess, nan=1.0)
    images, pairs = behavior.of_images(rows), behavior.of_pairs(words, rows)
    chosen = images.clicks + images.downloads
    of_image = attraction(chosen, images.examinations, prior)
    of_pair = attraction(pairs.clicks + pairs.downloads, pairs.examinations, of_image)
    shares = np.clip(np.column_stack([of_image, of_pair]), 0.0, 1.0)
    lift = shares[:, 1] - prior
    stands_out = popularity(chosen, images.examinations, suppliers, MEAN_ATTRACTION)
    return np.column_stack([shares, lift, stands_out, np.log1p(images.examinations)]).astype(np.float32)
