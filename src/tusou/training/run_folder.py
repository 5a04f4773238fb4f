"""The folder of a run: configuration, versions, data, history, curves, checkpoint, best weights, result."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from tusou import __version__
from tusou.catalog.durable import dump_json, write_durably
from tusou.training.config import RunConfig

RUN_FILES = (
    "checkpoint.safetensors", "weights.safetensors", "config.json", "about.json", "result.json",
    "history.csv", "curves.png",
)  # fmt: skip
"""What a run writes, beside the folder of TensorBoard."""


class RunFolder:
    """Files of one run.

    Attributes:
        path: The folder; made if missing.
        checkpoint: Where the run stands.
        weights: Weights of the best epoch.
    """

    def __init__(self, path: Path) -> None:
        """Make the folder."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        self.weights = path / "weights.safetensors"

    def forget(self) -> None:
        """Remove what a run wrote; nothing else that may lie in the folder."""
        for name in RUN_FILES:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "tensorboard", ignore_errors=True)

    def describe(self, config: RunConfig, data: Mapping[str, Any]) -> None:
        """Write down what is run: configuration, versions and the data's fingerprint."""
        for leftover in self.path.glob(".*.safetensors.*"):  # of a run that was killed while it wrote
            leftover.unlink(missing_ok=True)
        versions = {
            "tusou": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
            "device": config.training.device,
        }
        self.write("config.json", config.model_dump(mode="json"))
        self.write("about.json", {"versions": versions, "data": dict(data)})

    def write(self, name: str, value: Any) -> None:
        """Write a JSON file whole or not at all."""
        write_durably(self.path / name, dump_json(value))

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write ``history.csv``, one row for each epoch."""
        if not rows:
            return
        temporary = self.path / ".history.csv"
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            table = csv.DictWriter(stream, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        temporary.replace(self.path / "history.csv")

    def save_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Write the weights that are kept."""
        write_durably(self.weights, save({name: value.contiguous() for name, value in weights.items()}))

    def load_weights(self) -> dict[str, Tensor]:
        """The weights that are kept."""
        weights: dict[str, Tensor] = load_file(self.weights)
        return weights

    def result(self) -> dict[str, Any]:
        """What a finished run reached, as ``result.json`` says; empty while it is not finished."""
        path = self.path / "result.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found


def config_digest(config: RunConfig) -> str:
    """SHA-256 of what decides a run's numbers: what is not only about the sweep, threads or the bundle."""
    parts = config.model_dump(
        mode="json", exclude={"sweep": True, "bundle": True, "training": {"threads", "checkpoint_steps"}}
    )
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
