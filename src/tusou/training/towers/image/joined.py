"""Several image towers side by side: features of all, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from tusou.errors import ConfigError
from tusou.training.towers.base import ImageTower, Trained
from tusou.training.towers.image.efficientnet_lite import (
    LiteTower,
    build_efficientnet_lite0,
    build_efficientnet_lite2,
)
from tusou.training.towers.weights import load_weights

PARTS = {"efficientnet_lite0": build_efficientnet_lite0, "efficientnet_lite2": build_efficientnet_lite2}
"""Towers that can stand side by side: their stages read and give flat rows."""


class JoinedTower(ImageTower):
    """Towers that read the same pixels; ``train = n`` means the last n stages of each.

    Attributes:
        parts: The towers.
    """

    def __init__(self, parts: Sequence[ImageTower]) -> None:
        """Join towers of one input size.

        Args:
            parts: At least two.

        Raises:
            ConfigError: Their sizes differ.
        """
        sizes = sorted({part.size for part in parts})
        if len(sizes) != 1:
            raise ConfigError(f"tower joined: its parts read pictures of different sizes: {sizes}")
        first = parts[0]
        super().__init__(
            nn.Sequential(_SideBySide(parts)),
            width=sum(part.width for part in parts),
            size=first.size,
            mean=first.mean,
            std=first.std,
        )
        self.parts = list(parts)

    def plain(self) -> nn.Module:
        """See ``ImageTower.plain``."""
        return _SideBySide([part.plain() for part in self.parts])

    def split(self, last: int) -> tuple[nn.Sequential, nn.Sequential]:
        """See ``ImageTower.split``; the trunk's rows stand one after the other."""
        trunks, heads = zip(*(part.split(last) for part in self.parts), strict=True)
        example = torch.zeros(1, self.channels, self.size, self.size)
        with torch.inference_mode():
            widths = [trunk.eval()(example).shape[1] for trunk in trunks]
        return nn.Sequential(_SideBySide(trunks)), nn.Sequential(_Apart(heads, widths))

    def freeze(self, train: Trained) -> Self:
        """See ``ImageTower.freeze``."""
        for part in self.parts:
            part.freeze(train)
        return self

    def train(self, mode: bool = True) -> Self:
        """Enter training mode, but for the frozen stages of each part."""
        nn.Module.train(self, mode)
        for part in getattr(self, "parts", []):
            part.train(mode)
        return self


class _SideBySide(nn.Module):
    """One input, the outputs of all parts one after the other."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([part(inputs) for part in self.parts], dim=1)


class _Apart(nn.Module):
    """Each part its own stretch of the row, the outputs one after the other."""

    def __init__(self, parts: Sequence[nn.Module], widths: Sequence[int]) -> None:
        super().__init__()
        self.parts, self.widths = nn.ModuleList(parts), list(widths)

    def forward(self, rows: Tensor) -> Tensor:
        stretches = torch.split(rows, self.widths, dim=1)
        return torch.cat([part(each) for part, each in zip(self.parts, stretches, strict=True)], dim=1)


def build_joined(*, parts: Mapping[str, str], size: int = 224) -> JoinedTower:
    """Towers side by side, each with its weights.

    Args:
        parts: Name of each tower to the file of its weights; empty starts at random.
        size: Side of the input, pixels.

    Raises:
        ConfigError: Fewer than two parts, or one that cannot stand beside another.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown or len(parts) < 2:
        problem = f"{', '.join(unknown)} cannot be joined" if unknown else "needs two parts or more"
        raise ConfigError(f"tower joined: {problem}; there are: {', '.join(PARTS)}")
    towers = [PARTS[name](size=size) for name in parts]
    for tower, weights in zip(towers, parts.values(), strict=True):
        if weights:
            load_weights(tower, Path(weights))
    return JoinedTower(towers)


def calibrated(tower: Any) -> list[ImageTower]:
    """The towers whose last stage standardises its features over the photos; none for most."""
    parts = tower.parts if isinstance(tower, JoinedTower) else [tower]
    return [part for part in parts if isinstance(part, LiteTower)]
