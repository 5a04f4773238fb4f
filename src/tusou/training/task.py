"""What a trainer trains: a network with its batches, its loss and its dev measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

LOWER_IS_BETTER = ("median_rank", "error_percent")
"""Ends of the names of measures that say what is wrong."""


def goodness(measure: str, value: float) -> float:
    """The value of a measure, negated where lower is better."""
    return -value if measure.endswith(LOWER_IS_BETTER) else value


class Task(Protocol):
    """Everything the trainer needs to know of what is learnt.

    Attributes:
        measure: Name of the dev measure that chooses the best epoch.
        steps: Steps of one epoch.
    """

    measure: str
    steps: int

    @property
    def model(self) -> nn.Module:
        """The network."""
        ...

    def begin_epoch(self, epoch: int) -> None:
        """Prepare what changes once an epoch (mined negatives)."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep beside the weights."""
        ...

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go back to a kept state."""
        ...

    def loss(self, epoch: int, step: int) -> Tensor:
        """Loss of one step's batch."""
        ...

    def finish_step(self) -> None:
        """Bring the gradients of several processes together; called between backward and the update."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Measure the dev split."""
        ...

    def parameter_groups(self) -> Sequence[tuple[str, Sequence[nn.Parameter]]]:
        """Parameters by kind: ``tower`` for the towers' own weights, ``head`` for the rest."""
        ...
