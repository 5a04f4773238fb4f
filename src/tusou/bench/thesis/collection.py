"""A world with its keywords in a real index: what the systems of the experiment search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.bench.thesis.keywords import TITLE, Keywords
from tusou.bench.thesis.world import RECALL_DEPTH, Deep, World
from tusou.feedback.counts import BehaviorSource
from tusou.index.base import FieldTokens, IndexDocument
from tusou.index.embedded import EmbeddedIndex
from tusou.ranking.features import FeatureTable, RankingQuery, gather_features
from tusou.search.parse import parse_query
from tusou.text.analyze import Tokens, default_analyzer
from tusou.types import Embeddings, Rows

MODEL_ID = "thesis"


class _HeldRows:
    """Embeddings in memory; implements ``index.base.VectorRows``."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._held, self.dim = embeddings.astype(np.float16), embeddings.shape[1]

    def __len__(self) -> int:
        return len(self._held)

    def take(self, rows: Rows) -> npt.NDArray[np.float16]:
        """Embeddings of the rows."""
        return np.asarray(self._held[rows])

    def slice(self, start: int, stop: int) -> npt.NDArray[np.float16]:
        """Embeddings of consecutive rows."""
        return self._held[start:stop]


class _WithScore(EmbeddedIndex):
    """The index with the embeddings of another learned score."""

    images: Embeddings

    def cosines(self, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
        """Exact cosine of given rows with one embedding."""
        return np.asarray(self.images[rows] @ embedding, np.float32)

    def embeddings(self, rows: Rows) -> Embeddings:
        """Embeddings of given rows, by which neighbours vote."""
        return np.asarray(self.images[rows], np.float32)


class Collection:
    """The world's images under their keywords, indexed.

    Attributes:
        world: The world.
        keywords: Its keywords.
        lexical: Per query the rows keyword recall finds, best first, and their BM25.
    """

    def __init__(self, world: World, keywords: Keywords, folder: Path) -> None:
        """Index the images.

        Args:
            world: The world.
            keywords: Its keywords.
            folder: Where the index is made; empty.
        """
        self.world, self.keywords = world, keywords
        held = _HeldRows(world.deep[world.main].images)
        self._index = _WithScore.open(folder, held, MODEL_ID, writer=True)
        self._index.upsert(list(_documents(world, keywords)))
        self._index.commit(1)
        analyzer = default_analyzer()
        self._texts = [parse_query(query.q, analyzer).text_query for query in world.queries]
        self.lexical = [self._index.search_text(text, RECALL_DEPTH) for text in self._texts]

    def close(self) -> None:
        """Release the index."""
        self._index.close()

    def dense(self, deep: Deep, query: int) -> Rows:
        """The rows of largest cosine with a query."""
        scores = deep.images @ deep.queries[query]
        return np.sort(np.argpartition(-scores, RECALL_DEPTH)[:RECALL_DEPTH])

    def features(
        self, query: int, rows: Rows, deep: Deep | None, behavior: BehaviorSource | None = None
    ) -> FeatureTable:
        """Every feature of some rows; those of the learned score are unknown without one."""
        embedding = None if deep is None else deep.queries[query]
        self._index.images = (deep or self.world.deep[self.world.main]).images
        asked = RankingQuery(self._texts[query], embedding, words=str(query))
        return gather_features(self._index, asked, rows, behavior, deep.bank if deep else None)

    def bm25_of_all(self, query: int) -> npt.NDArray[np.float32]:
        """BM25F of every image, 0 where no word is found."""
        scores = np.zeros(len(self.world), np.float32)
        found = self._index.search_text(self._texts[query], len(self.world))
        scores[found.rows] = found.scores
        return scores


def _documents(world: World, keywords: Keywords) -> list[IndexDocument]:
    analyzer = default_analyzer()
    tokens = [analyzer.analyze("\n".join(texts)) for texts in world.concepts]
    return [
        IndexDocument(
            row=row,
            fields={
                "title": _joined([tokens[concept] for concept in concepts[:TITLE]]),
                "keywords": _joined([tokens[concept] for concept in concepts]),
            },
            supplier="any",
            license="",
            license_type=(),
            format="png",
            width=1,
            height=1,
            added=0.0,
            palette=(),
            fingerprint=bytes(32),
            fingerprint_quality=0,
            features={name: float(values[row]) for name, values in world.stored.items()}
            | {"keyword_count": float(len(concepts))},
        )
        for row, concepts in enumerate(keywords.of_image)
    ]


def _joined(tokens: Sequence[Tokens]) -> FieldTokens:
    words = tuple(word for each in tokens for word in each.words)
    return FieldTokens(words, tuple(gram for each in tokens for gram in each.grams))
