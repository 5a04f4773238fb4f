"""One run from configuration to result."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from tusou.errors import ConfigError
from tusou.training.config import RunConfig, load_run_config, parse_run_config
from tusou.training.device import choose_device
from tusou.training.distributed import join_processes, leave_processes
from tusou.training.memory import keep_freed_memory
from tusou.training.prepare import Report, prepare
from tusou.training.run_folder import RunFolder
from tusou.training.trainer import Progress, Trainer


def train_run(
    config: RunConfig,
    folder: Path,
    *,
    restart: bool = False,
    step: Callable[[Progress], None] = lambda _: None,
    prepare: Report = lambda _what, _part: None,
) -> dict[str, Any] | None:
    """Train, or go on, and write the result into the run's folder.

    Args:
        config: Checked.
        folder: Of this run.
        restart: Forget what lies there.
        step: Called after every step.
        prepare: Called while data is read and cached.

    Returns:
        The result as ``result.json`` has it; None in processes that do not lead.

    Raises:
        TrainingError: See Trainer.run.
    """
    device = choose_device(config.training.device)
    processes = join_processes(device)
    try:
        if restart and processes.leads:
            RunFolder(folder).forget()
        processes.wait()
        if config.training.threads:
            torch.set_num_threads(config.training.threads)
        if config.image.train != "none":
            keep_freed_memory()
        torch.manual_seed(config.seed)
        started = perf_counter()
        prepared = _prepare(config, processes, prepare)
        prepared.task.model.to(device)
        run = RunFolder(folder)
        if processes.leads:
            run.describe(config, prepared.data)
        trainer = Trainer(prepared.task, config, run, processes, step, data_digest=prepared.data["digest"])
        place = trainer.run()
        if not processes.leads:
            return None
        run.save_weights(prepared.task.model.state_dict())
        best = place.history[place.best_epoch]
        result = {
            "run": str(folder),
            "epochs": len(place.history),
            "best_epoch": place.best_epoch + 1,
            "measures": {name: value for name, value in best.items() if name not in ("epoch", "seconds")},
            "seconds": round(perf_counter() - started, 1),
        }
        run.write("result.json", result)
        return result
    finally:
        leave_processes()


_prepare = prepare


def load_with_changes(path: Path, changes: Sequence[str]) -> RunConfig:
    """Read a configuration and change some keys.

    Args:
        path: The file.
        changes: ``section.key=value``, the value as in TOML; bare words are strings.

    Raises:
        ConfigError: As load_run_config; or a change has no ``=``.
    """
    if not changes:
        return load_run_config(path)
    try:
        table = tomllib.loads(load_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise ConfigError(f"--set {change}: expected KEY=VALUE")
        set_key(table, key.strip(), _value(text.strip()))
    return parse_run_config(table, str(path))


def load_text(path: Path) -> str:
    """The file's text.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def set_key(table: dict[str, Any], key: str, value: Any) -> None:
    """Set ``section.key`` of a table of tables.

    Raises:
        ConfigError: A section is a value.
    """
    *sections, last = key.split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{key}: {section} is a value, it has no keys below it")
    table[last] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
