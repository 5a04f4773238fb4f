"""GoogLeNet (Szegedy et al., CVPR 2015, arXiv 1409.4842), torchvision's layers with batch norm."""

from __future__ import annotations

from torch import nn
from torchvision.models import GoogLeNet

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of

MEAN = STD = (127.5, 127.5, 127.5)
"""The published weights come from TensorFlow and expect -1 to 1."""


def build_googlenet(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Nine inception blocks; 1,024 features. The auxiliary classifiers are left out.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    # With the auxiliary classifiers, so that their names in published weights are known and dropped.
    network = GoogLeNet(num_classes=classes or IMAGENET_CLASSES, init_weights=True)
    stages = [
        nn.Sequential(network.conv1, network.maxpool1),
        network.conv2,
        nn.Sequential(network.conv3, network.maxpool2),
        network.inception3a,
        nn.Sequential(network.inception3b, network.maxpool3),
        network.inception4a,
        network.inception4b,
        network.inception4c,
        network.inception4d,
        nn.Sequential(network.inception4e, network.maxpool4),
        network.inception5a,
        nn.Sequential(network.inception5b, network.avgpool, nn.Flatten()),
    ]
    classifier = nn.Sequential(network.dropout, network.fc)
    return tower_of(
        network, stages, classifier, features=1024, size=size, classes=classes, mean=MEAN, std=STD
    )
