"""Recall by meaning: nearest embeddings in the vector index."""

from __future__ import annotations

from tusou.index.base import Index, ScoredRows, TextQuery
from tusou.recall.lexical import no_rows
from tusou.types import Embeddings, Mask


class DenseRetriever:
    """Rows whose embeddings lie nearest to the query's; implements ``recall.base.Retriever``."""

    name = "dense"

    def __init__(self, index: Index) -> None:
        self._index = index

    def retrieve(
        self, text: TextQuery | None, embedding: Embeddings | None, depth: int, mask: Mask | None
    ) -> ScoredRows:
        """Largest cosine first; empty without an embedding. The words are not looked at."""
        del text
        if embedding is None:
            return no_rows()
        return self._index.search_vectors(embedding, depth, mask)
