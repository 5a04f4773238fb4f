"""What the processes of test_distributed.py do: gradients of single batches, then a short run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from training_builders import config_of

from tusou.training.distributed import join_processes, leave_processes
from tusou.training.prepare import prepare
from tusou.training.run_folder import RunFolder
from tusou.training.trainer import Trainer


def main(tables: Path, output: Path) -> None:
    """For each table: gradients of the last step (the uneven batch), and the weights of a whole run."""
    torch.set_num_threads(1)
    processes = join_processes(torch.device("cpu"))
    try:
        for number, table in enumerate(json.loads(tables.read_text("utf-8"))):
            config = config_of(table)
            torch.manual_seed(config.seed)
            task = prepare(config, processes).task
            task.begin_epoch(0)
            task.model.train()
            for step in {0, task.steps - 1}:
                task.model.zero_grad()
                torch.autograd.backward(task.loss(0, step))
                task.finish_step()
                found = {
                    name: value.grad.contiguous()
                    for name, value in task.model.named_parameters()
                    if value.grad is not None
                }
                save_file(found, output / f"{number}-{step}-{processes.rank}of{processes.count}")
            folder = RunFolder(output / f"run-{number}-{processes.rank}of{processes.count}")
            Trainer(task, config, folder, processes).run()
            save_file(
                {f"weight.{name}": value.contiguous() for name, value in task.model.state_dict().items()},
                output / f"{number}-weights-{processes.rank}of{processes.count}",
            )
    finally:
        leave_processes()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
