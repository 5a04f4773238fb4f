"""Many processes, one batch: started by torchrun, every process computes its share of the rows.

Each process encodes its part of the batch's images and queries, gathers the rows of all others (cross-process
negatives), and computes the loss of the whole batch. Gradients flow into its own rows only; summed over the
processes they are exactly those of one process with the whole batch. PyTorch's DistributedDataParallel
averages the gradients of losses that know only their own part, which is another loss.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tusou.training.data.relevance import Positions

Result = TypeVar("Result")


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: Its number, from 0.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this one writes files and talks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of ``count`` rows: as even as can be, in order of the ranks."""
        bounds = [count * rank // self.count for rank in (self.rank, self.rank + 1)]
        return slice(*bounds)

    def own(self, positions: Positions) -> Positions:
        """This process's part of a batch; where there are too few for all, one that ``gather`` throws away.

        Towers cannot read nothing.
        """
        part = positions[self.share(len(positions))]
        return part if len(part) else positions[:1]

    def gather(self, rows: Tensor, total: int) -> Tensor:
        """Rows of all processes, (total, …); only this one's part carries gradients.

        Args:
            rows: Of this process's part, see ``own``.
            total: Rows of all.
        """
        if self.count == 1:
            return rows
        rows = rows[: _size(total, self.rank, self.count)]
        most = -(-total // self.count)
        padded = rows.new_zeros(most, *rows.shape[1:])
        padded[: len(rows)] = rows.detach()
        parts = [torch.empty_like(padded) for _ in range(self.count)]
        dist.all_gather(parts, padded)
        whole = [part[: _size(total, rank, self.count)] for rank, part in enumerate(parts)]
        whole[self.rank] = rows
        return torch.cat(whole)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Add up the gradients of all processes."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Take the mean gradient of all processes, so that weights every process moves stay the same."""
        self.sum_gradients(parameters)
        for parameter in parameters if self.count > 1 else ():
            assert parameter.grad is not None
            parameter.grad /= self.count

    def lead_first(self, make: Callable[[], Result]) -> Result:
        """Call something in the leading process, then in all others: one fills a cache, the rest find it.

        When the leading one fails, it raises, and torchrun ends the others.
        """
        if not self.leads:
            self.wait()
        result = make()
        if self.leads:
            self.wait()
        return result

    def wait(self) -> None:
        """Wait for all others."""
        if self.count > 1:
            dist.barrier()


def _size(total: int, rank: int, count: int) -> int:
    return total * (rank + 1) // count - total * rank // count


def join_processes(device: torch.device) -> Processes:
    """Join the run torchrun started; a process on its own when it did not.

    Args:
        device: Where this process computes; GPUs talk over NCCL, processors over Gloo.
    """
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Processes(dist.get_rank(), dist.get_world_size())


def leave_processes() -> None:
    """Leave the run."""
    if dist.is_initialized():
        dist.destroy_process_group()
