"""``tusou train CONFIG``: train, go on after an interruption, sweep."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tusou.cli.common import console, json_option, print_json, print_table
from tusou.errors import TrainingError

if TYPE_CHECKING:
    from tusou.training.config import RunConfig
    from tusou.training.trainer import Progress as Step


@click.command()
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of all runs.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key: optimizer.lr=1e-4.")
@click.option("--restart", is_flag=True, help="Forget what an earlier run of this name reached.")
@click.option("--sweep", is_flag=True, help="Train once for each combination of [sweep].")
@json_option
def run(
    config: Path, runs: Path, changes: tuple[str, ...], restart: bool, sweep: bool, as_json: bool
) -> None:
    """Train what CONFIG describes.

    The same command goes on where an interrupted run stood. Under torchrun every process calls it.
    """
    need_torch()
    from tusou.training.run import load_with_changes, train_run
    from tusou.training.sweep import sweep_runs

    loaded = load_with_changes(config, changes)
    if sweep:
        rows = sweep_runs(loaded, runs, restart=restart, report=lambda text: click.echo(text, err=True))
        _show_sweep(rows, as_json=as_json)
        return
    leads = os.environ.get("RANK", "0") == "0"
    try:
        with _Watch(loaded, quiet=as_json or not leads) as watch:
            result = train_run(
                loaded, runs / loaded.name, restart=restart, step=watch.step, prepare=watch.prepare
            )
    except KeyboardInterrupt:
        click.echo("tusou: interrupted; the same command goes on from the last checkpoint", err=True)
        click.get_current_context().exit(130)
    if result is None:
        return  # not the leading process
    if as_json:
        print_json(result)
    else:
        measures = ", ".join(f"{name} {value:.4g}" for name, value in result["measures"].items())
        click.echo(f"{result['run']}: best epoch {result['best_epoch']} of {result['epochs']}: {measures}")


class _Watch:
    """Bars on stderr: what is prepared, then the steps."""

    def __init__(self, config: RunConfig, *, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console(stderr=True), transient=True, disable=quiet)
        self._task = self._bar.add_task("Reading", total=1.0)
        self._config, self._epoch = config, 0

    def __enter__(self) -> _Watch:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def prepare(self, what: str, part: float) -> None:
        self._bar.update(self._task, description=what, completed=part)

    def step(self, step: Step) -> None:
        title = f"Epoch {step.epoch + 1} of {self._config.training.epochs}, loss {step.loss:.4g}"
        self._bar.update(self._task, description=title, completed=step.done)
        if step.measures:
            text = ", ".join(f"{name} {value:.4g}" for name, value in step.measures.items())
            self._bar.console.print(f"epoch {step.epoch}: loss {step.loss:.4g}, {text}")


def _show_sweep(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table("Sweep, best first", list(rows[0]), [list(row.values()) for row in rows])


def need_torch() -> None:
    """Refuse to go on without the extra.

    Raises:
        TrainingError: PyTorch is not installed.
    """
    if find_spec("torch") is None:
        raise TrainingError(
            "training needs PyTorch; install it with pip install 'tusou[train]'", reason="missing_extra"
        )
