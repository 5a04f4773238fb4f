"""MobileNetV3-Small (Howard et al., ICCV 2019, arXiv 1905.02244), torchvision's layers."""

from __future__ import annotations

from torch import nn
from torchvision.models import mobilenet_v3_small

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of


def build_mobilenet_v3_small(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Eleven inverted residual blocks and one hidden layer; 1,024 features.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    network = mobilenet_v3_small(num_classes=classes or IMAGENET_CLASSES)
    *blocks, head = network.features
    hidden, activation, dropout, last = network.classifier
    stages = [
        *blocks,
        nn.Sequential(head, network.avgpool, nn.Flatten()),
        nn.Sequential(hidden, activation),
    ]
    classifier = nn.Sequential(dropout, last)
    return tower_of(network, stages, classifier, features=1024, size=size, classes=classes)
