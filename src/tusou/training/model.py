"""Towers and scorer as one network, and the rows it makes of images and queries."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding  # as images[items]; its backward pass is faster

from tusou.training.device import mixed, to_device, widened
from tusou.training.scorers.base import Scorer
from tusou.training.scorers.concatenation import ConcatenationScorer
from tusou.training.towers.base import TextTower


class RelevanceModel(nn.Module):
    """The part of both towers that learns, and the scorer behind it.

    Attributes:
        image: What turns an image's input (pixels, a cached map or cached features) into image features.
        text: The same for a query: ids and mask, or cached features.
        scorer: Heads and score.
        precision: Of towers and heads in training, see ``device.mixed``.
    """

    def __init__(
        self,
        image: nn.Module,
        text: TextTower,
        scorer: Scorer,
        *,
        fixed_norms: bool = False,
        precision: str = "float32",
    ) -> None:
        """Join the parts.

        Args:
            image: See the class.
            text: See the class.
            scorer: See the class.
            fixed_norms: Batch norms of the image tower keep the statistics of their pretraining: a few
                thousand images would give worse ones.
            precision: See the class.
        """
        super().__init__()
        self.image, self.text, self.scorer = image, text, scorer
        self._fixed_norms = fixed_norms
        self.precision = precision

    def train(self, mode: bool = True) -> Self:
        """Enter training mode, but for batch norms that are fixed."""
        super().train(mode)
        if self._fixed_norms:
            for module in self.image.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def encode_image(self, inputs: Tensor) -> Tensor:
        """(batch, …) inputs of images to rows (batch, dim), L2-normalised."""
        return self.image_row(self.image_features(inputs))

    def image_features(self, inputs: Tensor) -> Tensor:
        """(batch, …) inputs of images to what the tower gives, (batch, width), before the head."""
        with mixed(self, self.precision):
            features: Tensor = self.image(to_device(inputs, self))
        return features

    def image_row(self, features: Tensor, *, negative: bool = False) -> Tensor:
        """Features (batch, width) to rows (batch, dim), L2-normalised.

        Args:
            features: See image_features.
            negative: Take the bias of images in the negative's place, where that is one of its own.
        """
        with mixed(self, self.precision):
            row: Tensor = self.scorer.image_head(features, negative=negative)
        return widened(row)

    def encode_text(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Inputs of queries to rows (batch, dim), L2-normalised."""
        with mixed(self, self.precision):
            row: Tensor = self.scorer.text_head(self.text(*(to_device(each, self) for each in inputs)))
        return widened(row)

    def shard_parameters(self) -> list[nn.Parameter]:
        """Parameters that see only a process's own part of a batch: towers and heads."""
        parts = (self.image, self.text, self.scorer.image_head, self.scorer.text_head)
        return [each for part in parts for each in part.parameters() if each.requires_grad]

    def shared_parameters(self) -> list[nn.Parameter]:
        """Parameters that see the whole batch in every process: those of the scorer behind the heads."""
        own = {id(each) for each in self.shard_parameters()}
        return [each for each in self.parameters() if each.requires_grad and id(each) not in own]

    def joint_scores(self, queries: Tensor, images: Tensor, items: Tensor | None) -> Tensor:
        """Score a batch.

        Args:
            queries: (rows, dim).
            images: (images, dim).
            items: (rows, columns) positions in ``images``; None for a grid.

        Returns:
            (rows, columns).
        """
        if items is None:
            return self.scorer.grid(queries, images)
        return self.scorer.lists(queries, embedding(items, images))

    def cosine_scores(self, queries: Tensor, images: Tensor, items: Tensor | None) -> Tensor | None:
        """Scaled cosines of a batch where the score is something else; None where it is the score."""
        if not isinstance(self.scorer, ConcatenationScorer):
            return None
        if items is None:
            return self.scorer.scaled(queries @ images.T)
        return self.scorer.scaled(torch.einsum("rd,rcd->rc", queries, embedding(items, images)))


class ClassModel(nn.Module):
    """An image tower with one score for each class.

    Attributes:
        image: Pixels to class scores or features.
        output: Features to class scores.
        precision: In training, see ``device.mixed``.
    """

    def __init__(
        self,
        image: nn.Module,
        width: int,
        classes: int,
        dropout: float = 0.0,
        *,
        precision: str = "float32",
    ) -> None:
        """Put a linear layer behind a tower.

        Args:
            image: The tower.
            width: Length of its features.
            classes: Number of classes.
            dropout: Share of the features dropped while training.
            precision: See the class.
        """
        super().__init__()
        self.image = image
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))
        self.precision = precision

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, channels, size, size) to (batch, classes)."""
        with mixed(self, self.precision):
            scores: Tensor = self.output(self.image(to_device(pixels, self)))
        return widened(scores)
