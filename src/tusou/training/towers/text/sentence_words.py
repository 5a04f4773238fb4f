"""A frozen sentence encoder's features, and beside them a sum of learnt rows, one for each token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tusou.training.towers.base import TextTower


def token_places(rows: Sequence[Sequence[int]], min_count: int) -> npt.NDArray[np.int64]:
    """Number the tokens that texts hold often enough; the others share row 0, which is never learnt.

    Args:
        rows: Ids of each training text.
        min_count: Occurrences from which a token gets a row of its own.

    Returns:
        (largest token + 1,) row of each token.
    """
    counts = np.bincount(np.concatenate([np.asarray(row, np.int64) for row in rows]))
    frequent = counts >= min_count
    return np.where(frequent, np.cumsum(frequent), 0).astype(np.int64)


class SentenceWords(TextTower):
    """[features | sum of the tokens' rows / sqrt(tokens)].

    A sentence encoder knows many languages and no pictures; the rows learn what the words of the captions
    look like. They start at zero, so that training starts at the encoder alone. Tokens are the encoder's own.

    A token beyond the largest one seen takes the row of that one.

    Attributes:
        unfitted: Columns behind the features, zero at the start.
        place: (tokenizer's tokens,) row of each token; 0 for those never learnt.
        rows: Learnt rows; row 0 stays zero.
    """

    place: Tensor

    def __init__(self, features: int, place: Tensor, dim: int, dropout: float = 0.0) -> None:
        """Make the rows.

        Args:
            features: Length of the encoder's features.
            place: (tokens,) int64, see the class.
            dim: Length of a row.
            dropout: Share of a text's tokens left out while training.
        """
        super().__init__(features + dim)
        self.unfitted = dim
        self.dropout = dropout
        self.register_buffer("place", place)
        self.rows = nn.Embedding(int(place.max()) + 1, dim, padding_idx=0)
        nn.init.zeros_(self.rows.weight)

    def forward(self, features: Tensor, ids: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Join both.

        Args:
            features: (batch, features) of the encoder.
            ids: (batch, tokens) int64.
            mask: (batch, tokens) int64.

        Returns:
            (batch, width).
        """
        places = self.place[ids.clamp(max=len(self.place) - 1)]
        weights = ((places > 0) & (mask > 0)).to(features.dtype)
        count = weights.sum(1, keepdim=True).clamp(min=1)
        if self.training and self.dropout:
            weights = weights * (torch.rand_like(weights) >= self.dropout)
        total = torch.einsum("btw,bt->bw", self.rows(places), weights)
        return torch.cat([features, total / count.sqrt()], 1)
