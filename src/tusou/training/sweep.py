"""Several runs that differ in some keys: every combination, or a search with Optuna."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna

from tusou.errors import ConfigError
from tusou.training.config import RunConfig, SweepConfig, parse_run_config
from tusou.training.run import set_key, train_run
from tusou.training.task import goodness


def sweep_runs(
    config: RunConfig, runs: Path, *, restart: bool = False, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Train once for each choice of the values of ``[sweep]``; a run that finished before is not repeated.

    Args:
        config: With a ``[sweep]`` table.
        runs: Folder of all runs; each gets NAME-NUMBER.
        restart: Forget what lies there.
        report: Told of each run that ends.

    Returns:
        One row for each run, best first: its name, the values and the measure.

    Raises:
        ConfigError: No ``[sweep]``, or one of its keys or values is not allowed.
    """
    if config.sweep is None:
        raise ConfigError("--sweep needs a [sweep] table with values")
    if not config.sweep.values or not all(config.sweep.values.values()):
        raise ConfigError("sweep.values: every key needs at least one value")
    configs = _configs(config, config.sweep)
    if config.sweep.method == "grid":
        rows = [_train(each, values, runs, restart, report) for each, values in configs]
    else:
        rows = _search(config, config.sweep, runs, restart, report)
    return sorted(rows, key=lambda row: -goodness(_measure(config), row["measure"]))


def _configs(config: RunConfig, sweep: SweepConfig) -> list[tuple[RunConfig, dict[str, Any]]]:
    """Every combination, checked before the first run starts."""
    return [_with(config, values, number) for number, values in enumerate(_grid(sweep), start=1)]


def _grid(sweep: SweepConfig) -> Iterator[dict[str, Any]]:
    for combination in itertools.product(*sweep.values.values()):
        yield dict(zip(sweep.values, combination, strict=True))


def _with(config: RunConfig, values: dict[str, Any], number: int) -> tuple[RunConfig, dict[str, Any]]:
    table = config.model_dump(mode="json", exclude={"sweep"}, exclude_none=True)
    for key, value in values.items():
        set_key(table, key, value)
    table["name"] = f"{config.name}-{number}"
    return parse_run_config(table, f"sweep run {number}"), values


def _train(
    config: RunConfig, values: dict[str, Any], runs: Path, restart: bool, report: Callable[[str], None]
) -> dict[str, Any]:
    result = train_run(config, runs / config.name, restart=restart)
    assert result is not None, "a sweep runs in one process"
    measure = result["measures"][_measure(config)]
    report(f"{config.name}: {measure:.4g} ({', '.join(f'{key} = {value}' for key, value in values.items())})")
    return {"run": config.name, **values, "measure": measure}


def _measure(config: RunConfig) -> str:
    return config.training.measure or ("accuracy" if config.scorer.type == "classes" else "success@10")


def _search(
    config: RunConfig, sweep: SweepConfig, runs: Path, restart: bool, report: Callable[[str], None]
) -> list[dict[str, Any]]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows: list[dict[str, Any]] = []

    def objective(trial: optuna.Trial) -> float:
        values = {key: trial.suggest_categorical(key, choices) for key, choices in sweep.values.items()}
        rows.append(_train(*_with(config, values, trial.number + 1), runs, restart, report))
        return goodness(_measure(config), rows[-1]["measure"])

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=config.seed))
    study.optimize(objective, n_trials=sweep.trials)
    return rows
