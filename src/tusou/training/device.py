"""Where a run computes, and in which precision its towers do."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from tusou.errors import TrainingError


def choose_device(wanted: str) -> torch.device:
    """The device of this process.

    Args:
        wanted: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, or ``cuda:N``. Under torchrun every
            process of a machine takes the GPU of its local rank unless a number is given.

    Raises:
        TrainingError: No such GPU; the message lists those there are.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    number = wanted.partition(":")[2] or os.environ.get("LOCAL_RANK", "0")
    if int(number) >= torch.cuda.device_count():
        names = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
        raise TrainingError(
            f"training.device = {wanted!r} asks for GPU {number}, and PyTorch sees "
            f"{', '.join(names) or 'none'}: use auto or cpu, or install PyTorch and a driver for it",
            reason="no_such_device",
        )
    return torch.device("cuda", int(number))


def device_of(module: nn.Module) -> torch.device:
    """Where a module's weights are."""
    return next(module.parameters()).device


def to_device(values: Tensor, module: nn.Module) -> Tensor:
    """Bring inputs to where a module's weights are; to a GPU without waiting for the copy."""
    device = device_of(module)
    if values.device == device:
        return values
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def mixed(module: nn.Module, precision: str) -> AbstractContextManager[Any]:
    """Run towers in bfloat16 while they train, where that is asked for; weights and losses stay float32.

    bfloat16 has float32's range, so gradients need no scaling (Kalamkar et al., arXiv 1905.12322).
    """
    enabled = precision == "bfloat16" and module.training
    return torch.autocast(device_of(module).type, torch.bfloat16, enabled=enabled)


def widened(values: Tensor) -> Tensor:
    """What mixed precision gave, as float32: scores and losses are computed in it."""
    return values.float() if values.dtype == torch.bfloat16 else values
