"""What every retriever offers: one query to candidate rows (recall stage)."""

from __future__ import annotations

from typing import Protocol

from tusou.index.base import ScoredRows, TextQuery
from tusou.types import Embeddings, Mask


class Retriever(Protocol):
    """First stage: many rows to about a thousand."""

    name: str

    def retrieve(
        self, text: TextQuery | None, embedding: Embeddings | None, depth: int, mask: Mask | None
    ) -> ScoredRows:
        """Best rows first; empty when this retriever has nothing to go by."""
        ...
