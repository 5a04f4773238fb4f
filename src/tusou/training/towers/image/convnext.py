"""ConvNeXt-T (Liu et al., CVPR 2022, arXiv 2201.03545), torchvision's layers."""

from __future__ import annotations

from torch import nn
from torchvision.models import convnext_tiny

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of


def build_convnext_tiny(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Eighteen depthwise blocks; 768 features behind the last layer norm.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    network = convnext_tiny(num_classes=classes or IMAGENET_CLASSES)
    # A stem and three reductions, each followed by a group of blocks.
    reductions, groups = network.features[0::2], network.features[1::2]
    *blocks, last = (
        block for reduction, group in zip(reductions, groups, strict=True) for block in (reduction, *group)
    )
    norm, flatten, linear = network.classifier
    stages = [*blocks, nn.Sequential(last, network.avgpool, norm, flatten)]
    return tower_of(network, stages, linear, features=768, size=size, classes=classes)
