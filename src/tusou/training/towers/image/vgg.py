"""VGG-19 (Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556), torchvision's layers."""

from __future__ import annotations

from torch import nn
from torchvision.models import vgg19

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, average_pool, cut, map_side, tower_of


def build_vgg19(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Sixteen convolutions, two hidden layers; 4,096 features (fc7).

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    network = vgg19(num_classes=classes or IMAGENET_CLASSES)
    pool = average_pool(map_side(network.features, size), 7)
    *hidden, dropout, last = network.classifier
    stages = cut([*network.features, pool, nn.Flatten(), *hidden])
    classifier = nn.Sequential(dropout, last)
    return tower_of(network, stages, classifier, features=4096, size=size, classes=classes)
