"""The optimiser of a configuration, its learning rate at each step, and the running mean of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tusou.training.config import OptimizerConfig


def build_optimizer(
    groups: Sequence[tuple[str, Sequence[nn.Parameter]]], config: OptimizerConfig
) -> torch.optim.Optimizer:
    """Make the optimiser.

    Args:
        groups: Parameters by kind, ``tower`` or ``head``; those that do not learn are left out.
        config: Which, and its numbers. Weight decay spares vectors and scalars: biases, norms, scales.
    """
    entries = []
    for kind, parameters in groups:
        learning = [each for each in parameters if each.requires_grad]
        factor = config.tower_lr if kind == "tower" else 1.0
        for chosen, decay in (
            ([each for each in learning if each.ndim > 1], config.weight_decay),
            ([each for each in learning if each.ndim <= 1], 0.0),
        ):
            if chosen:
                entries.append({"params": chosen, "weight_decay": decay, "factor": factor, "lr": config.lr})
    if config.type == "sgd":
        return torch.optim.SGD(entries, lr=config.lr, momentum=config.momentum, fused=True)
    kind_of = torch.optim.AdamW if config.type == "adamw" else torch.optim.Adam
    return kind_of(entries, lr=config.lr, betas=config.betas, eps=config.eps, fused=True)


def rate_factor(config: OptimizerConfig, step: int, steps: int) -> float:
    """What the learning rate is multiplied by.

    Args:
        config: Schedule and warm-up.
        step: Steps done, over all epochs.
        steps: Steps of the whole run.
    """
    warm = config.warmup * steps
    rising = min(1.0, (step + 1) / warm) if warm else 1.0
    falling = 0.5 * (1 + math.cos(math.pi * step / steps)) if config.schedule == "cosine" else 1.0
    return rising * falling


def set_rate(optimizer: torch.optim.Optimizer, config: OptimizerConfig, factor: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = config.lr * group["factor"] * factor


class RunningMean:
    """Exponential mean of a network's weights over the steps (Polyak averaging); buffers are copied.

    Attributes:
        weights: The mean by name; empty before the first step and when there is none.
    """

    def __init__(self, decay: float) -> None:
        """Choose the decay.

        Args:
            decay: Weight of the past at each step, 0 to 1; 0 keeps no mean.
        """
        self.decay = decay
        self.weights: dict[str, Tensor] = {}

    def update(self, model: nn.Module, done: int) -> None:
        """Take in the weights after a step; early steps weigh more, so that the start is soon forgotten.

        Args:
            model: The network.
            done: Steps done, this one included.
        """
        if not self.decay:
            return
        decay = min(self.decay, done / (done + 10))
        for name, value in model.state_dict().items():
            if name not in self.weights or not value.is_floating_point():
                self.weights[name] = value.detach().clone()
            else:
                self.weights[name].lerp_(value.detach(), 1 - decay)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on with a mean read from a checkpoint."""
        self.weights = dict(weights)
