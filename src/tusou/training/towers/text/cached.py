"""Text features computed before, by a frozen sentence encoder: a tower that passes them through."""

from __future__ import annotations

from torch import Tensor

from tusou.errors import EncoderError
from tusou.training.towers.base import TextTower


class CachedTextFeatures(TextTower):
    """Identity on rows of features, so that heads train without words."""

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Pass rows through.

        Args:
            ids: (batch, width) float32, cached features in the place of ids.
            mask: Not read.

        Raises:
            EncoderError: The rows have another length.
        """
        if ids.shape[1:] != (self.width,):
            raise EncoderError(f"expected features (batch, {self.width}), got {tuple(ids.shape)}")
        return ids


def build_cached(*, width: int) -> CachedTextFeatures:
    """Features from a cache.

    Args:
        width: Length of a cached row.
    """
    return CachedTextFeatures(width)
