"""``tusou rankers``: which rankers a library has, which one answers, and replacing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table

if TYPE_CHECKING:
    from tusou.ranking.store import RankerStore


@click.group()
def rankers() -> None:
    """Manage the rankers of a library; `tusou train ranker` makes them."""


@rankers.command("list")
@library_option
@json_option
def list_rankers(library_path: Path, as_json: bool) -> None:
    """List the rankers, what they are worth on held-out queries, and which one is live."""
    from tusou.ranking.files import read_manifest
    from tusou.ranking.store import BUILT_IN

    store = _store(library_path)
    live = store.live()
    rows = [("convex", "built in", "", "", "live" if live == BUILT_IN else "")]
    for name in store.names():
        about = read_manifest(store.path(name))
        held = about.held_out
        before, after = (
            (f"{sum(values) / len(values):.4f}" for values in (held.before, held.ranker))
            if held
            else ("", "")
        )
        worth = f"{held.measure} {before} → {after}" if held else ""
        rows.append((name, about.kind, worth, held.baseline if held else "", "live" if name == live else ""))
    if as_json:
        keys = ("name", "kind", "held_out", "against", "state")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        print_table("", ["name", "kind", "held-out queries", "against", "state"], rows)


@rankers.command()
@click.argument("name")
@library_option
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Largest probability that it is better by chance.",
)
def promote(name: str, library_path: Path, alpha: float) -> None:
    """Answer with ranker NAME from now on, if it is proven better, as fast, and sane.

    Running servers follow within a search; `tusou rankers rollback` takes it back.
    """
    _store(library_path).promote(name, alpha=alpha)
    click.echo(f"{name} is live")


@rankers.command()
@library_option
def rollback(library_path: Path) -> None:
    """Answer with the ranker that was live before."""
    name = _store(library_path).rollback()
    click.echo(f"{name or 'convex (built in)'} is live")


def _store(library_path: Path) -> RankerStore:
    """The rankers of a library that is there."""
    from tusou.ranking.store import RankerStore

    with open_library(library_path):
        return RankerStore(library_path)
