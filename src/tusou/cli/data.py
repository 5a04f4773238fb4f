"""``tusou data``: look at training data before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tusou.cli.common import json_option, print_json, print_table, progress_bar
from tusou.training.data.problems import REMEDIES, Problems

if TYPE_CHECKING:
    from tusou.training.data.reading import Data, DataSource
    from tusou.training.data.relevance import Positions

_ROWS_SHOWN = 20


@click.group()
def data() -> None:
    """Look at training data: queries with their images, or images with their classes."""


@data.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--format", "format_", metavar="FORMAT", help="Read it as this; recognised when left out.")
@click.option("--split", help="Look at this split only.")
@click.option(
    "--images-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the image files; found beside the source when left out.",
)
@click.option("--sparse", is_flag=True, help="Features a LETOR row leaves out are 0.")
@click.option("--images", is_flag=True, help="Also decode every image and look for near duplicates.")
@json_option
def check(
    source: Path,
    format_: str | None,
    split: str | None,
    images_dir: Path | None,
    sparse: bool,
    images: bool,
    as_json: bool,
) -> int:
    """Say what is in SOURCE and what is wrong with it, row by row; exit with 1 when rows cannot be used."""
    # The readers load half of ingest: only what reads pays.
    from tusou.training.data.check import describe
    from tusou.training.data.pruning import of_split
    from tusou.training.data.reading import read_source

    read = read_source(source, format_, images=images_dir, sparse=sparse)
    usable = of_split(read.data, split) if split else read.data
    usable, pairs = _inspected(usable, read.problems) if images else (usable, None)
    figures = describe(usable, pairs)
    if as_json:
        print_json(_answer(read, split, figures))
    else:
        _print_figures(read, figures)
        _print_problems(read.problems)
    return 1 if read.problems else 0


def _inspected(usable: Data, problems: Problems) -> tuple[Data, Positions | None]:
    """The data without damaged images, and its near duplicates; nothing to do for pixels and features."""
    from tusou.training.data.inspection import inspect_pictures
    from tusou.training.data.letor import LetorData
    from tusou.training.data.near_duplicates import near_duplicate_pairs
    from tusou.training.data.pruning import without_damaged

    if isinstance(usable, LetorData) or not usable.pictures:
        return usable, None
    with progress_bar("Decoding images") as report:
        inspection = inspect_pictures(usable.pictures, problems, report=report)
    usable = without_damaged(usable, inspection.good, problems)
    return usable, near_duplicate_pairs(inspection.only_good())


def _answer(read: DataSource, split: str | None, figures: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"where": row.where, "reason": row.reason, "message": row.message, "remedy": row.remedy}
        for row in read.problems.rows
    ]
    problems = {"count": read.problems.counts.total(), "per_reason": dict(read.problems.counts), "rows": rows}
    return {"source": str(read.path), "format": read.format, "split": split, **figures, "problems": problems}


def _print_figures(read: DataSource, figures: dict[str, Any]) -> None:
    leaks = figures.get("leaks", {}).get("first", [])
    shown = {name: value for name, value in figures.items() if name != "leaks" and value is not None}
    print_table(f"{read.path}: read as {read.format}", ["what", "figures"], _lines(shown))
    if leaks:
        click.echo()
        count = figures["leaks"]["count"]
        rows = [
            [leak["kind"], " / ".join(leak["splits"]), " / ".join(leak["images"]), leak["text"]]
            for leak in leaks[:_ROWS_SHOWN]
        ]
        print_table(_title(count, "leaks between splits"), ["kind", "splits", "images", "text"], rows)


def _print_problems(problems: Problems) -> None:
    if not problems:
        click.echo("\nEvery row can be used.")
        return
    click.echo()
    reasons = [[reason, count, REMEDIES[reason]] for reason, count in problems.counts.most_common()]
    total = problems.counts.total()
    print_table(f"{total:,} rows cannot be used", ["reason", "rows", "what to do"], reasons)
    click.echo()
    rows = [[row.where, row.reason, row.message] for row in problems.rows[:_ROWS_SHOWN]]
    print_table(_title(total, "rows"), ["where", "reason", "message"], rows)


def _title(count: int, what: str) -> str:
    shown = f"; the first {_ROWS_SHOWN}, more with --json" if count > _ROWS_SHOWN else ""
    return f"{count:,} {what}{shown}"


def _lines(figures: dict[str, Any]) -> Iterator[list[object]]:
    """Name and value of each figure; a table of tables takes a line per entry."""
    for name, value in figures.items():
        title = name.replace("_", " ")
        if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            for key, inner in value.items():
                yield [f"{title}, {key}", _figure(inner)]
        else:
            yield [title, _figure(value)]


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_figure(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"
