"""``tusou bench thesis``: is what the product rests on true?"""

from __future__ import annotations

from pathlib import Path

import click

from tusou.cli.common import console, json_option, print_json, print_table


@click.command()
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True, help="Of each world.")
@click.option(
    "--world",
    "worlds",
    type=click.Choice(["emoji", "photos"]),
    multiple=True,
    default=("emoji", "photos"),
    show_default=True,
    help="May be repeated.",
)
@click.option(
    "--flickr8k",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with captions.jsonl and images/, for the photos.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("work/thesis"),
    show_default=True,
    help="Keeps packages and finished seeds; an interrupted run goes on.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("artifacts/thesis"),
    show_default=True,
    help="Folder of the report.",
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Seeds at a time.")
@json_option
def thesis(
    seeds: int,
    worlds: tuple[str, ...],
    flickr8k: Path | None,
    work: Path,
    output: Path,
    workers: int,
    as_json: bool,
) -> None:
    """Put the product's thesis on trial in worlds whose truth is known, and write a report.

    Needs the `train` extra, for pictures and drawings, and npm, for the drawings. docs/concepts/thesis.md
    says what is compared.
    """
    from tusou.bench.thesis.run import run_thesis

    status = console(stderr=True)
    results = run_thesis(list(dict.fromkeys(worlds)), seeds, work, output, flickr8k, workers, status.print)
    if as_json:
        print_json(results)
        return
    for world, found in results.items():
        rows = [
            [each["claim"], "holds" if each["holds"] else "fails", each["figures"]]
            for each in found["verdicts"]
        ]
        print_table(world, ["claim", "verdict", "figures"], rows)
    click.echo(f"report: {output / 'report.html'}")
