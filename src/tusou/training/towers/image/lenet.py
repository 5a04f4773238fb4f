"""LeNet-5 (LeCun et al., Proceedings of the IEEE 1998): as it is built today, and to the letter.

Parameters of today's form with 10 classes: C1 6·(25+1) = 156, C3 16·(150+1) = 2,416, C5 120·(400+1) = 48,120,
F6 84·(120+1) = 10,164, output 10·(84+1) = 850; together 61,706. To the letter: C1 156, S2 12, C3 1,516 (each
map reads a part of the six), S4 32, C5 48,120, F6 10,164, no free ones in the output; together 60,000.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tusou.training.towers.base import ImageTower
from tusou.training.towers.options import check_choice

DIGIT_MEAN = 33.3184
DIGIT_STD = 78.5675
"""Of the 60,000 MNIST training digits, on the scale 0 to 255."""

FEATURES = 84

C3_INPUTS = (
    *((i % 6, (i + 1) % 6, (i + 2) % 6) for i in range(6)),
    *((i % 6, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6) for i in range(6)),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
"""Which maps of S2 each map of C3 reads (table I of the paper)."""


def build_lenet5(*, size: int = 28, channels: int = 1, classes: int | None = None) -> ImageTower:
    """LeNet-5 with ReLU, max pooling, a full C3 and a linear output; 84 features.

    Args:
        size: Side of the input: 28 (padded to 32 inside, as MNIST needs) or 32.
        channels: 1 for grey, 3 for RGB.
        classes: Outputs of the classifier; None leaves it out.

    Raises:
        ConfigError: Another size or number of channels.
    """
    check_choice("tower lenet5: size", size, (28, 32))
    check_choice("tower lenet5: channels", channels, (1, 3))
    stages = [
        nn.Sequential(nn.Conv2d(channels, 6, 5, padding=(32 - size) // 2), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten()),
        nn.Sequential(nn.Linear(120, FEATURES), nn.ReLU()),
    ]
    if classes is not None:
        stages.append(nn.Sequential(nn.Linear(FEATURES, classes)))
    return _tower(stages, size, channels, classes)


def build_lenet5_1998(*, size: int = 32, classes: int | None = None) -> ImageTower:
    """LeNet-5 to the letter: trained averaging, partial C3, scaled tanh, distances to codes; 84 features.

    The paper drew its codes as 7 x 12 pictures of characters; here they are ±1 at random, its alternative.

    Args:
        size: Side of the input; 32 is the only one.
        classes: Outputs of the classifier, negated squared distances; None leaves it out.

    Raises:
        ConfigError: Another size.
    """
    check_choice("tower lenet5_1998: size", size, (32,))
    stages: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(1, 6, 5), _Squash(), _Subsample(6)),
        nn.Sequential(_PartialConvolution(), _Squash(), _Subsample(16)),
        nn.Sequential(nn.Conv2d(16, 120, 5), _Squash(), nn.Flatten()),
        nn.Sequential(nn.Linear(120, FEATURES), _Squash()),
    ]
    if classes is not None:
        stages.append(_CodeDistance(classes))
    return _tower(stages, size, 1, classes)


def _tower(
    stages: list[nn.Sequential] | list[nn.Module], size: int, channels: int, classes: int | None
) -> ImageTower:
    return ImageTower(
        nn.Sequential(*stages),
        width=FEATURES if classes is None else classes,
        size=size,
        mean=(DIGIT_MEAN,) * channels,
        std=(DIGIT_STD,) * channels,
    )


class _Squash(nn.Module):
    """1.7159 tanh(2/3 a): passes through (1, 1) and (-1, -1)."""

    def forward(self, activations: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(activations * (2 / 3))


class _Subsample(nn.Module):
    """Sum of each 2 x 2 square times one coefficient plus one bias for each map, squashed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.mean = nn.AvgPool2d(2)
        self.squash = _Squash()

    def forward(self, maps: Tensor) -> Tensor:
        reduced: Tensor = self.squash(4 * self.mean(maps) * self.coefficient + self.bias)
        return reduced


class _PartialConvolution(nn.Module):
    """C3: sixteen 5 x 5 convolutions, each over its own part of the six maps."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv2d(len(inputs), 1, 5) for inputs in C3_INPUTS)

    def forward(self, maps: Tensor) -> Tensor:
        parts = zip(self.parts, C3_INPUTS, strict=True)
        return torch.cat([part(maps[:, list(inputs)]) for part, inputs in parts], dim=1)


class _CodeDistance(nn.Module):
    """Negated squared distance to each class's fixed ±1 code."""

    codes: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        codes = np.random.default_rng(1998).choice([-1.0, 1.0], size=(classes, FEATURES))
        self.register_buffer("codes", torch.tensor(codes, dtype=torch.float32))

    def forward(self, features: Tensor) -> Tensor:
        return -(features[:, None] - self.codes).square().sum(dim=2)
