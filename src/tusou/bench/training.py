"""Speed of training: a step of the reference network, its peak and PaddlePaddle's: `tusou bench training`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tusou.bench.machine import machine
from tusou.errors import TrainingError
from tusou.training.reference_speed import measure_reference_step

TARGET_SHARE = 0.60
TARGET_SPEEDUP = 3.0
PADDLE_PROGRAM = Path("benchmarks", "reference_speed_paddle.py")


def measure_training(
    *, batch: int = 1000, steps: int = 30, threads: int = 1, paddle: Path | None = None
) -> dict[str, Any]:
    """Measure the reference network's training step, and PaddlePaddle's right after.

    Args:
        batch: Rows of a step.
        steps: Steps that are timed.
        threads: Of a matrix product, in both frameworks.
        paddle: Virtual environment that has PaddlePaddle; None leaves it out.

    Returns:
        The report. ``speedup`` compares medians of the clock, ``cpu_speedup`` those of processor time.

    Raises:
        TrainingError: PaddlePaddle's program cannot be run (``paddle_failed``).
    """
    report: dict[str, Any] = {
        "scenario": "training",
        "machine": machine(),
        "network": "reference: 100 -> 512 tanh, 2 x 1000 -> 512 tanh shared, cosine, RankNet, Adam",
        "target_share_of_peak": TARGET_SHARE,
        "step": measure_reference_step(batch, steps, threads),
    }
    if paddle is not None:
        theirs = _paddle_step(paddle, batch, steps, threads)
        cpu = min(theirs["cpu_seconds_per_step_by_mode"].values())
        report |= {
            "paddle": theirs,
            "target_speedup": TARGET_SPEEDUP,
            "speedup": theirs["seconds_per_step"] / report["step"]["seconds_per_step"],
            "cpu_speedup": cpu / report["step"]["cpu_seconds_per_step"],
        }
    return report


def _paddle_step(environment: Path, batch: int, steps: int, threads: int) -> dict[str, Any]:
    program = Path(__file__).parents[3] / PADDLE_PROGRAM
    sizes = ("--batch", str(batch), "--steps", str(steps), "--threads", str(threads))
    command = [str(environment / "bin" / "python"), str(program), *sizes]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise TrainingError(
            f"{command[0]} does not exist; --paddle takes a virtual environment", reason="paddle_failed"
        ) from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise TrainingError(
            f"{PADDLE_PROGRAM} failed: {lines[-1]}; it needs a checkout of tusou and paddlepaddle 3.3.1",
            reason="paddle_failed",
        ) from error
    result: dict[str, Any] = json.loads(answer.stdout)
    return result
