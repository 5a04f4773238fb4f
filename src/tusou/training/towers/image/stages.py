"""Turn a published network into a row of stages."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from tusou.training.towers.base import ImageTower

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Of the ImageNet photos, on the scale 0 to 255: what torchvision's weights were trained with."""

IMAGENET_CLASSES = 1000


def tower_of(
    network: nn.Module,
    stages: Iterable[nn.Module],
    classifier: nn.Module,
    *,
    features: int,
    size: int,
    classes: int | None,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    kind: type[ImageTower] = ImageTower,
) -> ImageTower:
    """Make a tower out of a network's modules, with its classifier as last stage only when it is asked for.

    Args:
        network: What the modules belong to; published weights carry its names.
        stages: Pixels to features.
        classifier: Features to one number for each class.
        features: Width without the classifier.
        size: Side of the input, pixels.
        classes: Outputs of the classifier; None leaves it out.
        mean: One number for each channel.
        std: One number for each channel.
        kind: Class of the tower.
    """
    last = () if classes is None else (classifier,)
    return kind(
        nn.Sequential(*stages, *last),
        width=features if classes is None else classes,
        size=size,
        mean=mean,
        std=std,
        network=network,
    )


def cut(modules: Iterable[nn.Module]) -> list[nn.Sequential]:
    """Begin a new stage at every layer with weights; a dropout in front of it goes along."""
    groups: list[list[nn.Module]] = []
    for module in modules:
        dropped = bool(groups) and isinstance(groups[-1][-1], nn.Dropout)
        weighted = next(module.parameters(), None) is not None
        if not groups or isinstance(module, nn.Dropout) or (weighted and not dropped):
            groups.append([])
        groups[-1].append(module)
    return [nn.Sequential(*group) for group in groups]


def map_side(layers: Iterable[nn.Module], size: int) -> int:
    """Side of the map behind plain convolutions and poolings, for an input of the given side."""
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            kernel, stride, padding = (
                value[0] if isinstance(value, tuple) else value
                for value in (layer.kernel_size, layer.stride, layer.padding)
            )
            size = (size + 2 * int(padding) - int(kernel)) // int(stride) + 1
    return size


def average_pool(source: int, target: int) -> nn.Module:
    """Average a map of one side to another side, as ``AdaptiveAvgPool2d`` does, in operators ONNX has."""
    return nn.AdaptiveAvgPool2d(target) if source % target == 0 else _MatrixPool(source, target)


class _MatrixPool(nn.Module):
    """Adaptive average pooling as two matrix products; ONNX pools only by whole factors."""

    matrix: Tensor

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        rows = [
            [1.0 / (end - start) if start <= j < end else 0.0 for j in range(source)]
            for start, end in ((i * source // target, -(-(i + 1) * source // target)) for i in range(target))
        ]
        self.register_buffer("matrix", torch.tensor(rows), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        return self.matrix @ maps @ self.matrix.T
