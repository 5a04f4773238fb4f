"""The candidates of each retriever for a query, as evaluation looks at them."""

from __future__ import annotations

from tusou.encoders.base import Encoder
from tusou.index.base import Index
from tusou.recall.base import Retriever
from tusou.recall.dense import DenseRetriever
from tusou.recall.lexical import LexicalRetriever
from tusou.search.parse import parse_query
from tusou.text.analyze import Analyzer


def recalled(index: Index, encoder: Encoder, analyzer: Analyzer, q: str, depth: int) -> dict[str, list[int]]:
    """Rows each retriever hands to the ranking, best first.

    Args:
        index: Open index.
        encoder: Of the model the index holds.
        analyzer: With the library's own words.
        q: The query as typed; filters in it are not looked at.
        depth: Candidates of each retriever.
    """
    parsed = parse_query(q, analyzer)
    embedding = encoder.encode_texts([parsed.text])[0] if parsed.text else None
    retrievers: tuple[Retriever, ...] = (LexicalRetriever(index), DenseRetriever(index))
    mask = index.text_mask(parsed.text_query)
    return {
        retriever.name: retriever.retrieve(parsed.text_query, embedding, depth, mask).rows.tolist()
        for retriever in retrievers
    }
