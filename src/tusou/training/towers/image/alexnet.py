"""AlexNet in one column (Krizhevsky 2014, arXiv 1404.5997), torchvision's layers."""

from __future__ import annotations

from torch import nn
from torchvision.models import alexnet

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, average_pool, cut, map_side, tower_of


def build_alexnet(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Five convolutions, two hidden layers; 4,096 features (fc7).

    Args:
        size: Side of the input, pixels; at least 63.
        classes: Outputs of the classifier; None leaves it out.
    """
    network = alexnet(num_classes=classes or IMAGENET_CLASSES)
    pool = average_pool(map_side(network.features, size), 6)
    *hidden, last = network.classifier
    stages = cut([*network.features, pool, nn.Flatten(), *hidden])
    return tower_of(network, stages, last, features=4096, size=size, classes=classes)
