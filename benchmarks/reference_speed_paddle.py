"""Measure a training step of the reference network on PaddlePaddle; prints one JSON object.

Run it in the environment of ``make test-paddle``::

    .venv-paddle/bin/python benchmarks/reference_speed_paddle.py --threads 2

A step is forward, backward and Adam in float32 on one batch that stays in memory: 100 and 1000 inputs, 512
wide. Both ways PaddlePaddle can run it are measured, step by step in turns so that a busy neighbour slows
both: ``eager`` (every operation called from Python) and ``static`` (forward and backward compiled to one
program). Seconds are medians; CPU seconds are those of all threads, which a busy machine inflates less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 5


def parse() -> argparse.Namespace:
    """Read the options; nothing of PaddlePaddle may be imported before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=1000, help="rows of a step")
    parser.add_argument("--steps", type=int, default=30, help="steps that are timed")
    parser.add_argument("--threads", type=int, default=1, help="threads of a matrix product")
    return parser.parse_args()


def stepper(batch: int, *, static: bool) -> Callable[[], float]:
    """One training step as a call; it returns the loss."""
    import paddle
    from reference_network import ReferenceNetwork, rank_loss

    network = ReferenceNetwork()
    optimizer = paddle.optimizer.Adam(1e-3, parameters=network.parameters())
    inputs = [paddle.randn([batch, width]) for width in (100, 1000, 1000)]
    target = paddle.ones([batch])

    def loss_of(query: Any, positive: Any, negative: Any) -> Any:
        return rank_loss(network(query, positive, negative), target)

    run = paddle.jit.to_static(loss_of, full_graph=True) if static else loss_of

    def step() -> float:
        loss = run(*inputs)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        return float(loss)

    return step


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time both ways."""
    import paddle

    paddle.seed(0)
    steps = {name: stepper(options.batch, static=name == "static") for name in ("eager", "static")}
    first = {name: step() / options.batch for name, step in steps.items()}
    for _ in range(WARM_UP):
        last = {name: step() for name, step in steps.items()}
    wall: dict[str, list[float]] = {name: [] for name in steps}
    cpu: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.steps):
        for name, step in steps.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            last[name] = step()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - cpu_start)
    medians = {name: statistics.median(values) for name, values in wall.items()}
    return {
        "framework": "paddlepaddle",
        "version": paddle.__version__,
        "threads": options.threads,
        "batch": options.batch,
        "steps": options.steps,
        "dtype": "float32",
        "seconds_per_step": min(medians.values()),
        "seconds_per_step_by_mode": medians,
        "cpu_seconds_per_step_by_mode": {name: statistics.median(values) for name, values in cpu.items()},
        "first_loss_per_row": first,
        "last_loss_per_row": {name: value / options.batch for name, value in last.items()},
    }


def main() -> None:
    """Set the threads before PaddlePaddle starts, measure, print."""
    options = parse()
    warnings.simplefilter("ignore")  # it looks for a C++ compiler cache as it is imported
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "FLAGS_paddle_num_threads"):
        os.environ[name] = str(options.threads)
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "paddlepaddle"))
    print(json.dumps(measure(options), indent=1))


if __name__ == "__main__":
    main()
