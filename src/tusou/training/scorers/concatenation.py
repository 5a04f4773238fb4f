"""The concatenation scorer: a network reads both rows; too dear for a library, right for candidates."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from tusou.training.scorers.base import Scorer
from tusou.training.scorers.heads import Head


class ConcatenationScorer(Scorer):
    """score = w · gelu(W [query; image] + b) + c.

    W [query; image] is computed as A query + B image: every row is multiplied once, and a pair costs an
    addition and the last layer.

    Attributes:
        query_part: A and b.
        image_part: B.
        output: w and c.
    """

    def __init__(
        self, image_head: Head, text_head: Head, *, hidden: int = 256, dropout: float = 0.0, **cosine: Any
    ) -> None:
        """Make the network.

        Args:
            image_head: See Scorer.
            text_head: See Scorer.
            hidden: Width of the hidden layer.
            dropout: Share of it dropped while training.
            **cosine: Scale and bias of cosines, see Scorer; they serve the rows' own loss.
        """
        super().__init__(image_head, text_head, **cosine)
        self.query_part = nn.Linear(self.dim, hidden)
        self.image_part = nn.Linear(self.dim, hidden, bias=False)
        self.output = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, 1))

    def grid(self, queries: Tensor, images: Tensor) -> Tensor:
        """See ``Scorer.grid``."""
        return self._joined(self.query_part(queries).unsqueeze(1) + self.image_part(images).unsqueeze(0))

    def lists(self, queries: Tensor, images: Tensor) -> Tensor:
        """See ``Scorer.lists``."""
        return self._joined(self.query_part(queries).unsqueeze(1) + self.image_part(images))

    def forward(self, query: Tensor, image: Tensor) -> Tensor:
        """Score pairs, (batch, dim) each, to (batch,): what ``scorer.onnx`` does."""
        return self._joined(self.query_part(query) + self.image_part(image))

    def _joined(self, hidden: Tensor) -> Tensor:
        scores: Tensor = self.output(hidden).squeeze(-1)
        return scores
