"""ResNet-50 and ResNet-152 (He et al., CVPR 2016, arXiv 1512.03385), torchvision's layers."""

from __future__ import annotations

from torch import nn
from torchvision.models import ResNet, resnet50, resnet152

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of


def build_resnet50(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Sixteen residual blocks; 2,048 features.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    return _tower(resnet50(num_classes=classes or IMAGENET_CLASSES), size, classes)


def build_resnet152(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Fifty residual blocks; 2,048 features.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    return _tower(resnet152(num_classes=classes or IMAGENET_CLASSES), size, classes)


def _tower(network: ResNet, size: int, classes: int | None) -> ImageTower:
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    groups = (network.layer1, network.layer2, network.layer3, network.layer4)
    *blocks, last = (block for group in groups for block in group)
    stages = [stem, *blocks, nn.Sequential(last, network.avgpool, nn.Flatten())]
    return tower_of(network, stages, network.fc, features=2048, size=size, classes=classes)
