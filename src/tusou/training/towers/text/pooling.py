"""Many states of a text to one row; padding has no part in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def weighted_mean(states: Tensor, weights: Tensor) -> Tensor:
    """Mean of states.

    Args:
        states: (batch, tokens, width).
        weights: (batch, tokens), 0 for padding.

    Returns:
        (batch, width); zeros where all weights are 0.
    """
    total = weights.sum(dim=1, keepdim=True)
    shares = weights / torch.where(total == 0, torch.ones_like(total), total)
    return torch.einsum("btw,bt->bw", states, shares)


def masked_max(states: Tensor, mask: Tensor) -> Tensor:
    """Largest value of each feature, (batch, width); zeros for a text without words."""
    lowest = torch.finfo(states.dtype).min
    largest = states.masked_fill(mask[..., None] == 0, lowest).amax(dim=1)
    return largest * _any(mask)


def state_at(states: Tensor, position: Tensor, mask: Tensor) -> Tensor:
    """State at one position of each text, (batch, width); zeros for a text without words.

    Args:
        states: (batch, tokens, width).
        position: (batch,) int64.
        mask: (batch, tokens).
    """
    index = position[:, None, None].expand(-1, 1, states.shape[2])
    return states.gather(1, index)[:, 0] * _any(mask)


class AttentionPool(nn.Module):
    """Mean weighted by softmax(v · tanh(W state)) (Yang et al., NAACL 2016)."""

    def __init__(self, width: int) -> None:
        """Make the two layers.

        Args:
            width: Length of a state.
        """
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(batch, tokens, width) to (batch, width); zeros for a text without words."""
        scores = self.score(states)[..., 0].masked_fill(mask == 0, torch.finfo(states.dtype).min)
        return weighted_mean(states, scores.softmax(dim=1) * mask)


def _any(mask: Tensor) -> Tensor:
    return mask.amax(dim=1, keepdim=True)
