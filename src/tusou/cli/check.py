"""``tusou check``: prove that the library is whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from tusou.catalog.library import Library
from tusou.cli.common import json_option, library_option, open_library, print_json, progress_bar
from tusou.errors import LibraryLocked
from tusou.ingest.check import check_library
from tusou.search.side_files import check_side_files


@click.command()
@library_option
@click.option("--quick", is_flag=True, help="Do not read the originals, only look whether they are there.")
@json_option
def check(library_path: Path, quick: bool, as_json: bool) -> int:
    """Verify a library; exit with 1 when something is wrong.

    Catalog, originals, thumbnails, embeddings, index; event log, judgments, rules, rankers and cut-off.
    """
    with _open(library_path) as library, progress_bar("check") as report:
        problems = [*check_library(library, quick=quick, report=report), *check_side_files(library)]
        count = library.catalog.count()
    if as_json:
        print_json({"images": count, "problems": [asdict(problem) for problem in problems]})
    else:
        for problem in problems:
            click.echo(f"{problem.what}: {problem.where}\n    {problem.advice}")
        click.echo(
            f"{count:,} images checked, {len(problems):,} problems"
            if problems
            else f"{count:,} images: all well"
        )
    return 1 if problems else 0


def _open(path: Path) -> Library:
    """As a writer, so that nothing moves meanwhile; as a reader when somebody is writing."""
    try:
        return open_library(path, writer=True)
    except LibraryLocked as error:
        click.echo(f"tusou: {error}; checking beside it, without looking for strays", err=True)
        return open_library(path)
