"""Recall by words: BM25 over the inverted index."""

from __future__ import annotations

import numpy as np

from tusou.index.base import Index, ScoredRows, TextQuery
from tusou.types import Embeddings, Mask


class LexicalRetriever:
    """Rows whose texts hold words of the query; implements ``recall.base.Retriever``."""

    name = "lexical"

    def __init__(self, index: Index) -> None:
        self._index = index

    def retrieve(
        self, text: TextQuery | None, embedding: Embeddings | None, depth: int, mask: Mask | None
    ) -> ScoredRows:
        """Best rows by BM25 first; empty for a query without words. The embedding is not looked at."""
        del embedding
        if text is None or not text.should:
            return no_rows()
        return self._index.search_text(text, depth, mask)


def no_rows() -> ScoredRows:
    """The answer of a retriever that has nothing to go by."""
    return ScoredRows(np.empty(0, np.int64), np.empty(0, np.float32))
