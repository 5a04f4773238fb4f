"""``tusou models use`` and ``rollback``: change the model of a library while it is searched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tusou.catalog.library import Library
from tusou.catalog.model_roles import LibraryModel, models_by_role, roll_back_library
from tusou.cli.common import console, json_option, library_option, print_json, stop_on_interrupt
from tusou.cli.models_common import models_option, open_registry

if TYPE_CHECKING:
    from tusou.ingest.switch import SwitchSummary
    from tusou.models.bundle import Bundle
    from tusou.models.registry import Registry

_SAID = {"embed": "embedding", "index": "indexing", "wait": "waiting for a running ingest"}


@click.command()
@click.argument("bundle", default="")
@library_option
@models_option
@click.option("--status", is_flag=True, help="Only say which models the library has.")
@json_option
def use(bundle: str, library_path: Path, models_path: Path | None, status: bool, as_json: bool) -> int:
    """Switch the library to BUNDLE (NAME, NAME@VERSION, or a folder, which is installed first).

    Every image is embedded anew beside the old embeddings; the old model answers until the new one has every
    image, also in a running server. Ctrl-C stops; the same command continues.
    """
    if status or not bundle:
        _tell_status(library_path, as_json=as_json)
        return 0
    from tusou.encoders.bundle_encoder import open_encoder  # loads ONNX Runtime
    from tusou.ingest.switch import switch_model

    chosen = _chosen(open_registry(models_path, library_path), bundle)
    model = LibraryModel(chosen.model_id, chosen.dim)
    with stop_on_interrupt() as stopped, _stages() as show:
        summary = switch_model(library_path, model, partial(open_encoder, chosen.path), show, stopped)
    if as_json:
        print_json(_plain(summary))
    else:
        _tell(summary)
    return 130 if summary.state == "interrupted" else 0


@click.command()
@library_option
@models_option
@json_option
def rollback(library_path: Path, models_path: Path | None, as_json: bool) -> None:
    """Go back to the model the library used before, at once; again, to undo that.

    Images that came since are embedded with it afterwards; Ctrl-C leaves that to the next ingest.
    """
    registry = open_registry(models_path, library_path)
    path = _previous_bundle(registry, library_path)
    started = time.monotonic()
    model = roll_back_library(library_path)
    seconds = time.monotonic() - started
    if not as_json:
        click.echo(f"{library_path} uses {model.model_id} again (after {seconds:.2f} s)")
    from tusou.encoders.bundle_encoder import open_encoder  # only now: it takes longer to load than the swap
    from tusou.ingest.switch import catch_up_model

    with _stages() as show:
        refusals = catch_up_model(library_path, partial(open_encoder, path), show)
    if as_json:
        print_json({"model_id": model.model_id, "seconds": seconds, "refused": len(refusals)})


def _chosen(registry: Registry, reference: str) -> Bundle:
    """The bundle, verified; one in a folder elsewhere is installed, so that it cannot go away unnoticed."""
    path = registry.resolve(reference)
    known = path in registry.places()
    return registry.load(path) if known else registry.install(path)


def _previous_bundle(registry: Registry, library_path: Path) -> Path:
    """Where the bundle of the model before lies; verified, so that going back leads to what works."""
    with Library.open(library_path) as library:
        previous = models_by_role(library.catalog).get("previous")
        setting = library.config.bundle
    if previous is None:
        return Path()  # roll_back_library says so
    return registry.load(registry.with_model_id(previous.model_id, setting)).path


@contextmanager
def _stages() -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr; yields what to call with the stage and the part of it done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(_SAID["embed"], total=1.0)
        yield lambda stage, part: bar.update(
            task, description=_SAID[stage], completed=part, total=1.0 if stage == "embed" else None
        )


def _plain(summary: SwitchSummary) -> dict[str, object]:
    return {
        "state": summary.state,
        "model_id": summary.model.model_id,
        "dim": summary.model.dim,
        "images": summary.images,
        "refused": [{"item": each.item_id, "reason": each.reason} for each in summary.refusals],
        "without_embedding": [record.image_id for record in summary.without],
        "seconds": round(summary.seconds, 3),
    }


def _tell(summary: SwitchSummary) -> None:
    if summary.state == "unchanged":
        click.echo(f"the library uses {summary.model.model_id} already")
        return
    if summary.state == "interrupted":
        click.echo(
            "interrupted; the library still uses its old model, and the same command continues", err=True
        )
        return
    rate = summary.images / max(summary.seconds, 1e-9)
    click.echo(
        f"the library uses {summary.model.model_id}: {summary.images:,} images in {summary.seconds:.1f} s "
        f"({rate:.0f}/s); `tusou models rollback` goes back"
    )
    reasons = {refusal.item_id: refusal.message for refusal in summary.refusals}
    for record in summary.without:
        reason = reasons.get(record.item_id, "its original could not be read")
        click.echo(f"{record.supplier}/{record.item_id} is found by words only: {reason}", err=True)


def _tell_status(library_path: Path, *, as_json: bool) -> None:
    with Library.open(library_path) as library:
        limit = library.catalog.row_limit()
        models = models_by_role(library.catalog)
        rows = {role: library.catalog.embedded_rows(model.model_id) for role, model in models.items()}
    if as_json:
        plain = {
            role: {"model_id": model.model_id, "dim": model.dim, "rows": rows[role], "of": limit}
            for role, model in models.items()
        }
        print_json(plain)
        return
    for role, model in models.items():
        click.echo(f"{role:<9} {model.model_id}, {rows[role]:,} of {limit:,} rows embedded")
    if not models:
        click.echo("no model yet: the first ingest takes the bundle of the settings")
