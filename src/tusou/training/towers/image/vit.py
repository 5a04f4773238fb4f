"""ViT-B/32 (Dosovitskiy et al., ICLR 2021, arXiv 2010.11929), torchvision's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer, vit_b_32

from tusou.errors import ConfigError
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of

PATCH = 32
"""Side of a patch, pixels."""


class _Patches(nn.Module):
    """Pixels to (batch, 1 + patches, 768): the class token in front, positions added."""

    def __init__(self, network: VisionTransformer) -> None:
        super().__init__()
        self.projection = network.conv_proj
        self.class_token = network.class_token
        self.positions = network.encoder.pos_embedding
        self.dropout = network.encoder.dropout

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.projection(pixels).flatten(2).transpose(1, 2)
        first = self.class_token.expand(patches.shape[0], -1, -1)
        tokens: Tensor = self.dropout(torch.cat([first, patches], dim=1) + self.positions)
        return tokens


class _Last(nn.Module):
    """The last block, its norm, and the class token alone."""

    def __init__(self, block: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.norm = norm

    def forward(self, tokens: Tensor) -> Tensor:
        features: Tensor = self.norm(self.block(tokens)[:, 0])
        return features


def build_vit_b_32(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Twelve attention layers over patches of 32 pixels; 768 features (the class token).

    Args:
        size: Side of the input, pixels; a multiple of 32. Published weights fit 224 only.
        classes: Outputs of the classifier; None leaves it out.

    Raises:
        ConfigError: The side is no multiple of 32.
    """
    if size % PATCH:
        raise ConfigError(f"tower vit_b_32: size = {size}, allowed are multiples of {PATCH}")
    network = vit_b_32(image_size=size, num_classes=classes or IMAGENET_CLASSES)
    *blocks, last = network.encoder.layers
    stages = [_Patches(network), *blocks, _Last(last, network.encoder.ln)]
    return tower_of(network, stages, network.heads, features=768, size=size, classes=classes)
