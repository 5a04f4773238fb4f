"""Image features computed before: a tower that passes them through."""

from __future__ import annotations

from torch import Tensor, nn

from tusou.errors import EncoderError
from tusou.training.towers.base import ImageTower


class CachedImageFeatures(ImageTower):
    """Identity on rows of features, so that heads train without pixels."""

    def __init__(self, width: int) -> None:
        """Say how long a row is.

        Args:
            width: Length of a cached row.
        """
        super().__init__(nn.Sequential(), width=width, size=0, mean=(), std=())

    def forward(self, pixels: Tensor) -> Tensor:
        """Pass rows through.

        Args:
            pixels: (batch, width) float32, cached features in the place of pixels.

        Raises:
            EncoderError: The rows have another length.
        """
        if pixels.shape[1:] != (self.width,):
            raise EncoderError(f"expected features (batch, {self.width}), got {tuple(pixels.shape)}")
        return pixels


def build_cached(*, width: int) -> CachedImageFeatures:
    """Features from a cache.

    Args:
        width: Length of a cached row.
    """
    return CachedImageFeatures(width)
