"""Forward index: the tokens of every row, to score given rows by BM25 field by field.

The inverted index answers *which rows match best*; once rows are given (candidates, a narrow filter) their
own tokens answer faster. Tokens are kept as 32-bit hashes: two of a million different tokens collide with
probability 2e-4 per query token, which shifts one score of a row that holds the other token.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.index.base import FIELDS, FieldTokens, TextClause, TextQuery
from tusou.index.records import CHANNELS
from tusou.types import Rows

FIELD_WEIGHTS: Mapping[str, float] = {
    "title": 2.0,
    "keywords": 1.5,
    "description": 1.0,
    "creator": 0.5,
    "filename": 0.5,
}
"""Weight of a field's BM25 in the sum of search_text: what a person wrote as a name says most."""

GRAM_SHARE = 0.4
"""Part of a Chinese clause's weight that its bigrams carry; its words carry the rest, so that a word found
both ways counts once, and one found by bigrams alone (other segmentation) counts less."""

K1, B = 1.2, 0.75
"""BM25's saturation and length normalisation, as the inverted index uses them."""

_NO_TOKENS = FieldTokens()
MAX_TOKENS = 65_535
"""Tokens of one channel that are kept, a limit of the record's count."""

Tokens = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class WeightedTerm:
    """One token of a query in one channel kind.

    Attributes:
        token: The token.
        kind: 0 for words, 1 for grams.
        weight: Its part in the score.
    """

    token: str
    kind: int
    weight: float


@dataclass(frozen=True, slots=True)
class TextStatistics:
    """What BM25 needs to know of the collection.

    Attributes:
        documents: Number of documents.
        mean_lengths: (CHANNELS,) mean number of tokens.
        frequencies: Term to documents that hold it, per field, (len(FIELDS),).
    """

    documents: int
    mean_lengths: npt.NDArray[np.float64]
    frequencies: Mapping[WeightedTerm, Sequence[int]]


def scoring_clauses(query: TextQuery) -> tuple[TextClause, ...]:
    """Clauses that earn score: what is wanted and what is required."""
    return (*query.should, *query.must)


def weighted_terms(clauses: Iterable[TextClause]) -> list[WeightedTerm]:
    """The scoring terms of clauses: words and grams with their shares of the clause's weight."""
    weights: dict[tuple[str, int], float] = {}
    for clause in clauses:
        kinds = [(0, clause.words), (1, clause.grams)]
        shares = (1 - GRAM_SHARE, GRAM_SHARE) if clause.words and clause.grams else (1.0, 1.0)
        for (kind, tokens), share in zip(kinds, shares, strict=True):
            for token in tokens:
                weights[token, kind] = weights.get((token, kind), 0.0) + clause.weight * share / len(tokens)
    return [WeightedTerm(token, kind, weight) for (token, kind), weight in weights.items()]


def hash_token(token: str) -> int:
    """32-bit hash of a token."""
    return zlib.crc32(token.encode())


def encode_tokens(documents: Sequence[Mapping[str, FieldTokens]]) -> tuple[Tokens, npt.NDArray[np.uint16]]:
    """All tokens of documents in channel order, and the (n, CHANNELS) number of each channel."""
    channels = [
        tokens[:MAX_TOKENS]
        for fields in documents
        for field in FIELDS
        for kept in (fields.get(field, _NO_TOKENS),)
        for tokens in (kept.words, kept.grams)
    ]
    hashes = [zlib.crc32(token.encode()) for tokens in channels for token in tokens]
    counts = np.array([len(tokens) for tokens in channels], np.uint16)
    return np.array(hashes, np.uint32), counts.reshape(-1, CHANNELS)


def _length_table() -> npt.NDArray[np.int64]:
    """Lengths the inverted index tells apart: exact to 40, then 8 steps per doubling (Lucene SmallFloat)."""
    codes = np.arange(232)
    shift = np.maximum(codes // 8 - 1, 0)
    steps = np.where(codes < 8, codes, ((codes % 8) | 8) << shift)
    return np.concatenate([np.arange(24), 24 + steps])


LENGTHS = _length_table()


QUANTIZED = LENGTHS[np.searchsorted(LENGTHS, np.arange(MAX_TOKENS + 1), side="right") - 1]
"""Length to the length the inverted index takes it for: the next below that it tells apart."""


class RowTokens:
    """Tokens of given rows, gathered once to be scored for several terms.

    Args:
        tokens: The whole forward index.
        starts: (n,) where each row's tokens begin.
        counts: (n, CHANNELS) tokens of each channel.
    """

    def __init__(
        self, tokens: Tokens, starts: npt.NDArray[np.uint64], counts: npt.NDArray[np.uint16]
    ) -> None:
        self._counts = counts
        self._ends = np.cumsum(counts.reshape(-1), dtype=np.int64)  # of every channel, once gathered
        ends = self._ends[CHANNELS - 1 :: CHANNELS]
        totals = np.diff(ends, prepend=0)
        shift = starts.astype(np.int64) - (ends - totals)
        self._tokens = np.take(tokens, np.arange(totals.sum()) + np.repeat(shift, totals))

    def bm25(self, terms: Sequence[WeightedTerm], statistics: TextStatistics) -> npt.NDArray[np.float32]:
        """BM25 per field, (n, len(FIELDS)).

        idf = ln(1 + (N - df + 0.5) / (df + 0.5)); a term earns
        weight · idf · tf · (K1 + 1) / (tf + K1 · (1 - B + B · length / mean length)), words and grams added.
        """
        scores = np.zeros((len(self._counts), len(FIELDS)))
        for term in terms:
            row, channel, tf = self._occurrences(term)
            # the inverted index counts deleted documents until it merges them away
            frequency = np.minimum(statistics.frequencies[term], statistics.documents)
            idf = np.log1p((statistics.documents - frequency + 0.5) / (frequency + 0.5))
            length = QUANTIZED[self._counts[row, channel]] / np.maximum(
                statistics.mean_lengths[channel], 1e-9
            )
            gain = idf[channel // 2] * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length))
            scores[row, channel // 2] += term.weight * gain  # a row's field appears once per term
        return scores.astype(np.float32)

    def phrase(self, clause: TextClause) -> npt.NDArray[np.bool_]:
        """Whether the clause's tokens stand next to each other in order, (n, len(FIELDS)).

        Words and bigrams have channels of their own; of a clause with both, both must stand so in one field.
        """
        found = np.ones((len(self._counts), CHANNELS // 2), bool)
        for kind, tokens in enumerate((clause.words, clause.grams)):
            if tokens:
                found &= self._runs([hash_token(token) for token in tokens], kind)
        return found if clause.words or clause.grams else np.zeros_like(found)

    def _runs(self, wanted: Sequence[int], kind: int) -> npt.NDArray[np.bool_]:
        """Fields in which the tokens of one kind stand in a run, (n, len(FIELDS))."""
        last = len(self._tokens) - len(wanted) + 1
        begins = np.flatnonzero(self._tokens[: max(last, 0)] == np.uint32(wanted[0]))
        for place, token in enumerate(wanted[1:], start=1):
            begins = begins[self._tokens[begins + place] == np.uint32(token)]
        first, end = (
            np.searchsorted(self._ends, at, side="right") for at in (begins, begins + len(wanted) - 1)
        )
        here = first[(first == end) & (first % 2 == kind)]
        found = np.zeros((len(self._counts), CHANNELS // 2), bool)
        row, channel = np.divmod(here, CHANNELS)
        found[row, channel // 2] = True
        return found

    def _occurrences(self, term: WeightedTerm) -> tuple[Rows, Rows, Rows]:
        """Where a term stands: places among the rows, channels, and how often it stands there."""
        found = np.flatnonzero(self._tokens == np.uint32(hash_token(term.token)))
        place, tf = np.unique(np.searchsorted(self._ends, found, side="right"), return_counts=True)
        place, tf = place[place % 2 == term.kind], tf[place % 2 == term.kind]
        row, channel = np.divmod(place, CHANNELS)
        return row, channel, tf
