"""EfficientNet-Lite0 and Lite2, of package efficientnet-lite-pytorch: ReLU6, no squeeze, easy to quantise.

Without the classifier a tower gives [unit root of the mean of the last map | means behind each of the seven
stages]: early stages know colour and texture, which a classifier learns to forget and a searcher asks for.
The square root evens out channels that rarely fire but then strongly, as it does for histograms.

Every stage reads and gives one flat row, [map | means so far], so that a row can be cached.
"""

# ruff: noqa: SLF001  # the package has no public way to its layers
from __future__ import annotations

from typing import Any, cast

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.stages import IMAGENET_CLASSES, tower_of

MEAN, STD = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)
LAST = 1280
"""Width of the last map."""

STAGE_WEIGHT = 0.7
"""Length of the calibrated means of the stages, against 1 for the last map."""

ROOT_FLOOR = 1e-5
"""Added below the root, whose slope at 0 is infinite."""


def build_efficientnet_lite0(*, size: int = 224, classes: int | None = None) -> ImageTower:
    """Sixteen inverted residual blocks; 1,280 + 784 features.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    return _tower("efficientnet-lite0", size, classes)


def build_efficientnet_lite2(*, size: int = 260, classes: int | None = None) -> ImageTower:
    """Twenty-three inverted residual blocks; 1,280 + 856 features.

    Args:
        size: Side of the input, pixels; at least 32.
        classes: Outputs of the classifier; None leaves it out.
    """
    return _tower("efficientnet-lite2", size, classes)


def calibrate(tower: ImageTower, features: Tensor) -> None:
    """Standardise the means of the stages over some photos, together ``STAGE_WEIGHT`` long.

    Args:
        tower: Built here, without classifier.
        features: (photos, width) what the tower gives for photos of the training split, not calibrated yet.
    """
    head = tower.stages[-1]
    assert isinstance(head, _Features)
    means = features[:, LAST:]
    head.stage_mean.copy_(means.mean(dim=0))
    head.stage_scale.copy_(STAGE_WEIGHT / means.shape[1] ** 0.5 / means.std(dim=0).clamp_min(ROOT_FLOOR))


def _tower(variant: str, size: int, classes: int | None) -> ImageTower:
    network = EfficientNet.from_name(variant, image_size=size, num_classes=classes or IMAGENET_CLASSES)
    side = -(-size // 2)
    ends = _ends(network) if classes is None else []
    stages: list[nn.Module] = [_Stem(network)]
    for i, block in enumerate(network._blocks):
        stages.append(_Block(block, side, keep=i in ends))
        side = -(-side // block._depthwise_conv.stride[0])
    kept = sum(_width(network, i) for i in ends)
    last = _Last(network, side)
    stages.append(_Features(last, kept) if classes is None else last)
    classifier = nn.Sequential(network._dropout, network._fc)
    return tower_of(
        network,
        stages,
        classifier,
        features=LAST + kept,
        size=size,
        classes=classes,
        mean=MEAN,
        std=STD,
        kind=LiteTower if classes is None else ImageTower,
    )


def _width(network: Any, i: int) -> int:
    width: int = network._blocks[i]._project_conv.out_channels
    return width


def _ends(network: Any) -> list[int]:
    """Positions of the blocks after which the width changes, the last one included."""
    final = len(network._blocks) - 1
    return [i for i in range(final + 1) if i == final or _width(network, i) != _width(network, i + 1)]


class LiteTower(ImageTower):
    """EfficientNet-Lite; ``plain`` passes maps on instead of flat rows."""

    def plain(self) -> nn.Module:
        """See ``ImageTower.plain``."""
        return _Plain(self.stages)


class _Plain(nn.Module):
    """The stages on maps: no row is packed and unpacked between them."""

    def __init__(self, stages: nn.Sequential) -> None:
        super().__init__()
        self.stages = stages

    def forward(self, pixels: Tensor) -> Tensor:
        stem, *blocks, last = cast("Any", self.stages)
        maps = stem.layers(pixels)
        kept = []
        for block in blocks:
            maps = block.block(maps)
            if block.keep:
                kept.append(maps.mean((2, 3)))
        features: Tensor = last.of(last.last.layers(maps).mean((2, 3)), torch.cat(kept, dim=1))
        return features


class _Stem(nn.Module):
    """Pixels to a flat map."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(network._conv_stem, network._bn0, network._swish)

    def forward(self, pixels: Tensor) -> Tensor:
        maps: Tensor = self.layers(pixels).flatten(1)
        return maps


class _Block(nn.Module):
    """One inverted residual block on a flat row; the means of its map go to the end if they are kept."""

    def __init__(self, block: Any, side: int, *, keep: bool) -> None:
        super().__init__()
        self.block = block
        self.shape = (block._block_args.input_filters, side, side)
        self.keep = keep

    def forward(self, row: Tensor) -> Tensor:
        maps, means = _unpack(row, self.shape)
        maps = self.block(maps)
        parts = [maps.flatten(1), means] + [maps.mean((2, 3))] * self.keep
        return torch.cat(parts, dim=1)


class _Last(nn.Module):
    """Flat row to the means of the last map, (batch, 1280)."""

    def __init__(self, network: Any, side: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(network._conv_head, network._bn1, network._swish)
        self.shape = (network._conv_head.in_channels, side, side)

    def forward(self, row: Tensor) -> Tensor:
        maps, _ = _unpack(row, self.shape)
        means: Tensor = self.layers(maps).mean((2, 3))
        return means


class _Features(nn.Module):
    """Flat row to [unit root of the means of the last map | means of the stages]."""

    stage_mean: Tensor
    stage_scale: Tensor

    def __init__(self, last: _Last, kept: int) -> None:
        super().__init__()
        self.last = last
        self.register_buffer("stage_mean", torch.zeros(kept))
        self.register_buffer("stage_scale", torch.ones(kept))

    def forward(self, row: Tensor) -> Tensor:
        _, means = _unpack(row, self.last.shape)
        return self.of(self.last(row), means)

    def of(self, last: Tensor, means: Tensor) -> Tensor:
        """Features of the means of the last map and of the stages."""
        root = functional.normalize((last + ROOT_FLOOR).sqrt(), dim=1)  # ReLU6: never negative
        return torch.cat([root, (means - self.stage_mean) * self.stage_scale], dim=1)


def _unpack(row: Tensor, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Flat row to (batch, channels, side, side) and the means behind it."""
    cells = shape[0] * shape[1] * shape[2]
    return row[:, :cells].reshape(-1, *shape), row[:, cells:]
