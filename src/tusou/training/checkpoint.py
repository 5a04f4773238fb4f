"""Checkpoints: weights, optimiser state and place in the run, in one safetensors file replaced atomically.

Batches, dropout and augmentation depend on (seed, epoch, step) alone, so nothing else is needed to go on as
if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from tusou.catalog.durable import storage_errors, write_durably
from tusou.errors import CheckpointMismatch

MODEL, OPTIMIZER, AVERAGE, BEST, TASK = "model.", "optimizer.", "average.", "best.", "task."


@dataclass
class Place:
    """Where a run stands.

    Attributes:
        epoch: Epoch being trained, from 0.
        step: Steps of it done.
        best: Best dev measure so far; None before the first.
        best_epoch: Epoch it was reached in.
        history: One row of measures for each epoch done.
        losses: Sum of the losses of the steps of this epoch.
        config_digest: Of the configuration the run was started with.
        data_digest: Of the data it was started with; empty when nobody asks.
    """

    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)
    losses: float = 0.0
    config_digest: str = ""
    data_digest: str = ""


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    extra: Mapping[str, Mapping[str, Tensor]],
    place: Place,
) -> None:
    """Write a checkpoint; the one before is kept until this one is durable.

    Args:
        path: The file.
        model: Its state is stored.
        optimizer: Its state is stored.
        extra: Further tensors (best weights so far, running mean, the task's state) by prefix.
        place: Where the run stands.

    Raises:
        StorageFull: The disk has no room; the checkpoint before is intact.
    """
    tensors = {f"{MODEL}{name}": value for name, value in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{OPTIMIZER}{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
    for prefix, weights in extra.items():
        tensors |= {f"{prefix}{name}": value for name, value in weights.items()}
    data = save(
        {name: value.detach().clone().contiguous() for name, value in tensors.items()},
        {"place": json.dumps(asdict(place))},
    )
    with storage_errors(path):
        write_durably(path, data)


def load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config_digest: str,
    data_digest: str = "",
) -> tuple[Place, dict[str, dict[str, Tensor]]]:
    """Go back to where a run stood.

    Args:
        path: The file.
        model: Takes the weights.
        optimizer: Takes the state.
        config_digest: Of the configuration the run is continued with.
        data_digest: Of the data it is continued with; empty asks for no comparison.

    Returns:
        The place, and further tensors by prefix.

    Raises:
        CheckpointMismatch: The checkpoint is of another configuration, network or data, or damaged.
    """
    place, tensors = _read(path)
    if place.config_digest != config_digest:
        raise CheckpointMismatch(
            f"{path} was written by a run of another configuration; start anew with --restart, or give the "
            "run another name"
        )
    if data_digest and place.data_digest not in ("", data_digest):
        raise CheckpointMismatch(
            f"the data changed since {path} was written (digest {place.data_digest[:12]}, now "
            f"{data_digest[:12]}): bring back the data it was started with, start anew with --restart, or "
            "begin another run from this one's weights with start_from",
            reason="data_changed",
        )
    try:
        model.load_state_dict(_under(tensors, MODEL))
    except RuntimeError as error:
        first = " ".join(str(error).split("\n")[1:2]).strip() or str(error)
        raise CheckpointMismatch(
            f"{path} does not fit the network: {first}; start anew with --restart"
        ) from error
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, OPTIMIZER).items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    _lay_out(optimizer)
    return place, {prefix: _under(tensors, prefix) for prefix in (AVERAGE, BEST, TASK)}


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Give moments the memory layout of their weights (channels last, say): fused steps assume it."""
    for weight, state in optimizer.state.items():
        for key, value in state.items():
            if value.shape == weight.shape:
                state[key] = torch.empty_like(weight.detach()).copy_(value)


def _read(path: Path) -> tuple[Place, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            place: dict[str, Any] = json.loads(file.metadata()["place"])
            return Place(**place), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointMismatch(
            f"{path} is damaged ({error}); start anew with --restart", reason="checkpoint_damaged"
        ) from error


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
