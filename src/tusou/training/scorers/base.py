"""What every scorer of queries and images offers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tusou.training.scorers.heads import Head

MAX_SCALE = 100.0
"""Largest scale (CLIP's bound): beyond it a batch teaches only its hardest pair."""


class Scorer(nn.Module):
    """Both heads, and a score of their rows.

    Attributes:
        image_head: Image features to rows.
        text_head: Text features to rows.
        dim: Length of a row.
        log_scale: Logarithm of what cosines are multiplied by.
        bias: Added to scaled cosines.
    """

    def __init__(
        self,
        image_head: Head,
        text_head: Head,
        *,
        scale: float = 1.0,
        learn_scale: bool = False,
        bias: float = 0.0,
        learn_bias: bool = False,
    ) -> None:
        """Keep the heads.

        Args:
            image_head: Image features to rows.
            text_head: Text features to rows of the same length.
            scale: What cosines are multiplied by at the start, at most MAX_SCALE.
            learn_scale: Whether that changes in training, up to MAX_SCALE.
            bias: What is added to them at the start.
            learn_bias: Whether that changes in training.
        """
        super().__init__()
        self.image_head, self.text_head = image_head, text_head
        self.dim = text_head.linear.out_features
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)), requires_grad=learn_scale)
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=learn_bias)

    def scaled(self, cosines: Tensor) -> Tensor:
        """Scale and shift cosines."""
        with torch.no_grad():  # the parameter itself, as CLIP does: a clamped value would have no way back
            self.log_scale.clamp_(max=math.log(MAX_SCALE))
        return cosines * self.log_scale.exp() + self.bias

    def grid(self, queries: Tensor, images: Tensor) -> Tensor:
        """Score every query with every image.

        Args:
            queries: (rows, dim) of the text head.
            images: (columns, dim) of the image head.

        Returns:
            (rows, columns).
        """
        raise NotImplementedError

    def lists(self, queries: Tensor, images: Tensor) -> Tensor:
        """Score every query with the images of its own list.

        Args:
            queries: (rows, dim).
            images: (rows, columns, dim).

        Returns:
            (rows, columns).
        """
        raise NotImplementedError
