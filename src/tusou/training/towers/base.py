"""What a tower is: pixels, or ids of words, to one row of features."""

from __future__ import annotations

from typing import Literal, Self

import torch
from torch import Tensor, nn

from tusou.errors import ConfigError, EncoderError

Trained = Literal["all", "none"] | int
"""Which stages of an image tower learn: all, none, or the last n."""


class ImageTower(nn.Module):
    """Pixels to image features, as a row of stages whose application is the whole forward pass.

    A stage is the smallest part with weights that reads one tensor and gives one tensor: a convolution, a
    residual block, an attention layer. So the output of the first ones can be cached for each image while
    only the last ones learn.

    Attributes:
        stages: Applied one after the other.
        width: Length of ``image_features``.
        size: Side of the input, pixels.
        mean: Subtracted per channel before the first stage, on the scale 0 to 255.
        std: Divided by, per channel, same scale.
        channels: 3 for RGB, 1 for grey.
        source_names: Tensor names in the published weights, by name in this tower (see ``weights.py``).
        dropped_names: Tensors of the published weights that this tower has no place for (classifiers).
    """

    def __init__(
        self,
        stages: nn.Sequential,
        *,
        width: int,
        size: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        network: nn.Module | None = None,
    ) -> None:
        """Keep the stages and say what they read and give.

        Args:
            stages: Pixels to image features.
            width: Length of ``image_features``.
            size: Side of the input, pixels.
            mean: One number for each channel.
            std: One number for each channel.
            network: The network whose modules the stages are; published weights carry its names.
        """
        super().__init__()
        self.stages = stages
        self.width = width
        self.size = size
        self.mean = mean
        self.std = std
        self.channels = len(mean)
        self.source_names, self.dropped_names = _published_names(self, network)
        self._frozen = 0

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute image features.

        Args:
            pixels: (batch, channels, size, size) float32, (value - mean) / std.

        Returns:
            (batch, width) float32, not normalised.

        Raises:
            EncoderError: The pixels have another shape.
        """
        expected = (self.channels, self.size, self.size)
        if not torch.onnx.is_in_onnx_export() and tuple(pixels.shape[1:]) != expected:
            raise EncoderError(f"expected pixels (batch, {expected}), got {tuple(pixels.shape)}")
        features: Tensor = self.stages(pixels)
        return features

    def plain(self) -> nn.Module:
        """The same network without what only a cut needs; what is exported."""
        return self.stages

    def split(self, last: int) -> tuple[nn.Sequential, nn.Sequential]:
        """Cut the tower in two: ``forward(pixels) == head(trunk(pixels))``.

        Args:
            last: Stages in the second part, 0 to all.

        Returns:
            Trunk and head; they share their weights with the tower.

        Raises:
            ConfigError: The tower has fewer stages.
        """
        cut = len(self.stages) - self._stages_trained(last)
        return self.stages[:cut], self.stages[cut:]

    def freeze(self, train: Trained) -> Self:
        """Let only some stages learn; the frozen ones stay in eval mode, batch-norm statistics included.

        Args:
            train: ``"all"``, ``"none"`` or how many of the last stages learn.

        Returns:
            The tower itself.

        Raises:
            ConfigError: Neither of these words nor a possible number.
        """
        self._frozen = len(self.stages) - self._stages_trained(train)
        for i, stage in enumerate(self.stages):
            stage.requires_grad_(i >= self._frozen)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Enter training mode, but for the frozen stages."""
        super().train(mode)
        self.stages[: self._frozen].eval()
        return self

    def _stages_trained(self, train: Trained) -> int:
        number = {"all": len(self.stages), "none": 0}.get(train, train) if isinstance(train, str) else train
        if type(number) is not int or not 0 <= number <= len(self.stages):  # true is no number of stages
            raise ConfigError(
                f'train = {train!r}: expected "all", "none" or a number of stages, 0 to {len(self.stages)}'
            )
        return number


class TextTower(nn.Module):
    """Ids of words to text features; what the mask leaves out changes nothing.

    Attributes:
        width: Length of ``text_features``.
    """

    def __init__(self, width: int) -> None:
        """Say what the tower gives.

        Args:
            width: Length of ``text_features``.
        """
        super().__init__()
        self.width = width

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Compute text features.

        Args:
            ids: (batch, tokens) int64; padding stands behind the words.
            mask: (batch, tokens) int64, 1 where a token counts.

        Returns:
            (batch, width) float32, not normalised; a text without words gives finite features.
        """
        raise NotImplementedError


def _published_names(tower: ImageTower, network: nn.Module | None) -> tuple[dict[str, str], frozenset[str]]:
    """Match the tower's tensors with those of the network they were taken from, by identity."""
    if network is None:
        return {}, frozenset()
    published = network.state_dict(keep_vars=True)
    names = {id(tensor): name for name, tensor in published.items()}
    own = tower.stages.state_dict(prefix="stages.", keep_vars=True)
    source_names = {name: names[id(tensor)] for name, tensor in own.items() if id(tensor) in names}
    return source_names, frozenset(published) - frozenset(source_names.values())
