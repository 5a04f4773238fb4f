"""The embedding scorer: one space, scaled cosine. Images are scored by a vector index."""

from __future__ import annotations

import torch
from torch import Tensor

from tusou.training.scorers.base import Scorer


class EmbeddingScorer(Scorer):
    """score = scale * cosine + bias."""

    def grid(self, queries: Tensor, images: Tensor) -> Tensor:
        """See ``Scorer.grid``."""
        return self.scaled(queries @ images.T)

    def lists(self, queries: Tensor, images: Tensor) -> Tensor:
        """See ``Scorer.lists``."""
        return self.scaled(torch.einsum("rd,rcd->rc", queries, images))
