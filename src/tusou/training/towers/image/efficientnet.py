"""EfficientNet-B0 (Tan and Le, ICML 2019, arXiv 1905.11946), torchvision's layers."""

from __future__ import annotations

from torch import nn
from torchvision.models import efficientnet_b0

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of


def build_efficientnet_b0(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Sixteen inverted residual blocks; 1,280 features.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    network = efficientnet_b0(num_classes=classes or IMAGENET_CLASSES)
    stem, *groups, head = network.features
    blocks = [block for group in groups for block in group]
    stages = [stem, *blocks, nn.Sequential(head, network.avgpool, nn.Flatten())]
    return tower_of(network, stages, network.classifier, features=1280, size=size, classes=classes)
