"""``tusou ingest``: bring a supplier's images into the library."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tusou.catalog.library import MARKER, Library
from tusou.catalog.records import Refusal
from tusou.cli.common import (
    console,
    encoder_maker,
    json_option,
    library_option,
    print_json,
    stop_on_interrupt,
)
from tusou.errors import SupplierNotFound
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestOptions, IngestSummary
from tusou.ingest.pipeline import Progress as Step
from tusou.ingest.reports import write_report
from tusou.ingest.run import plan_only, run_ingest
from tusou.ingest.sources import READERS, Source, open_source, settle_supplier, supplier_name

_SHOWN = 5  # refused files named on the terminal


@dataclass(frozen=True, slots=True)
class _Output:
    """How the outcome is told."""

    as_json: bool
    quiet: bool
    strict: bool
    report: Path | None


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@library_option
@click.option("--supplier", default="", help="Whose images these are; default: the source's supplier.json.")
@click.option("--format", "kind", type=click.Choice(list(READERS)), help="Kind of source, if not recognised.")
@click.option("--map", "columns", multiple=True, metavar="COLUMN=FIELD", help="Read a column as a field.")
@click.option(
    "--images", type=click.Path(path_type=Path, file_okay=False), help="Folder of a table's images."
)
@click.option("--encoding", default="", help="Text encoding of a table; default: found out.")
@click.option("--in-place", is_flag=True, help="Refer to the supplier's files instead of copying them.")
@click.option("--readmit", is_flag=True, help="Take back images that were removed.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="Stop after so many entries; 0 for all.")
@click.option("--dry-run", is_flag=True, help="Only say what would be read and refused.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="List refusals: .csv or .jsonl."
)
@click.option("--strict", is_flag=True, help="Exit with 1 when anything was refused.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@json_option
def ingest(
    source: Path,
    library_path: Path,
    supplier: str,
    kind: str | None,
    columns: tuple[str, ...],
    images: Path | None,
    encoding: str,
    in_place: bool,
    readmit: bool,
    limit: int,
    dry_run: bool,
    report: Path | None,
    strict: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Bring the images of SOURCE into the library.

    SOURCE is a folder, a CSV, TSV or JSON Lines file, a zip or tar, a folder of WebDataset shards, a
    Karpathy or MUGE data set, or a list of URLs. The same command continues what was interrupted, updates
    what changed and skips what did not.
    """
    reading = ReadOptions(_parse_columns(columns), images, encoding)
    options = IngestOptions(in_place, readmit, limit)
    output = _Output(as_json, quiet, strict, report)
    opened = open_source(source, reading, kind or "")
    supplier = supplier_name(supplier, opened.supplier)
    if dry_run:
        return _dry_run(library_path, opened, supplier, options, output)
    with _open_or_create(library_path, opened, supplier) as library:
        return _run(library, opened, supplier, options, output)


def _parse_columns(pairs: tuple[str, ...]) -> Mapping[str, str]:
    columns = {}
    for pair in pairs:
        column, equals, field = pair.rpartition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r}: expected COLUMN=FIELD", param_hint="--map")
        columns[column] = field
    return columns


def _open_or_create(path: Path, source: Source, name: str) -> Library:
    """The library there; a new one where nothing is yet and the source describes its supplier.

    Otherwise a mistyped path would make an empty library, in which the supplier cannot be known.
    """
    if (path / MARKER).exists() or (path.is_dir() and any(path.iterdir())):
        return Library.open(path, writer=True)
    if source.supplier is None or source.supplier.name != name:
        raise SupplierNotFound(
            f"no supplier {name!r}, and no library at {path} yet; `tusou supplier add {name}` makes both, "
            "or is --library another folder?"
        )
    return Library.create(path)


def _run(library: Library, source: Source, name: str, options: IngestOptions, output: _Output) -> int:
    supplier = settle_supplier(library.catalog, name, source.supplier)
    open_encoder = encoder_maker(library)
    with stop_on_interrupt() as stopped, _progress(output.quiet) as show:
        summary = run_ingest(library, source, supplier, open_encoder, options, show, stopped)
    refusals = library.jobs.refusals(summary.job_id)
    if output.report is not None:
        write_report(output.report, refusals)
    if output.as_json:
        print_json(asdict(summary))
    else:
        _tell(summary, refusals)
    return _exit_code(summary, output.strict)


def _exit_code(summary: IngestSummary, strict: bool) -> int:
    counts = summary.counts
    if summary.state == "interrupted":
        return 130
    nothing = counts["seen"] > 0 and counts["seen"] == counts["refused"]
    return 1 if nothing or (strict and counts["refused"]) else 0


def _dry_run(path: Path, source: Source, name: str, options: IngestOptions, output: _Output) -> int:
    if (path / MARKER).exists():
        with Library.open(path) as library:
            counts, refusals = plan_only(library.catalog, source, name, options)
    else:
        with tempfile.TemporaryDirectory() as folder, Library.create(Path(folder) / "none") as library:
            counts, refusals = plan_only(library.catalog, source, name, options)
    if output.report is not None:
        write_report(output.report, refusals)
    if output.as_json:
        print_json({"dry_run": True, "counts": dict(counts)})
    else:
        click.echo(
            f"would read {counts['read']:,} of {counts['seen']:,} entries (pictures were not decoded); "
            f"{counts['unchanged']:,} are unchanged, {counts['refused']:,} refused"
        )
        _name_refusals(refusals)
    return 1 if output.strict and refusals else 0


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Step], None]]:
    """A bar on stderr: how far the source is read, rate, refusals, time left."""
    bar = Progress(
        TextColumn("ingest"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        disable=quiet,
    )
    with bar:
        task = bar.add_task("ingest", total=1.0, said="")

        def show(step: Step) -> None:
            counts = step.counts
            done = counts["added"] + counts["updated"]
            elapsed = bar.tasks[task].elapsed or 0.0
            rate = done / elapsed if elapsed > 0 else 0.0
            said = f"{done:,} in ({rate:.0f}/s)"
            said += "".join(f", {counts[name]:,} {name}" for name in ("unchanged", "refused") if counts[name])
            bar.update(task, completed=step.fraction, said=said)

        yield show


def _tell(summary: IngestSummary, refusals: list[Refusal]) -> None:
    counts = summary.counts
    rate = (counts["added"] + counts["updated"]) / max(summary.seconds, 1e-9)
    said = ", ".join(f"{counts[name]:,} {name}" for name in ("added", "updated", "unchanged", "refused"))
    click.echo(f"job {summary.job_id}, {summary.supplier}: {said} in {summary.seconds:.1f} s ({rate:.0f}/s)")
    if counts["duplicates"]:
        click.echo(f"{counts['duplicates']:,} are exact duplicates and share one original")
    if counts["unlicensed"]:
        click.echo(
            f"warning: {counts['unlicensed']:,} have no licence; give the supplier a default with "
            f"`tusou supplier update {summary.supplier} --license CODE`",
            err=True,
        )
    _name_refusals(refusals)
    if refusals:
        click.echo(f"all of them: tusou jobs {summary.job_id}", err=True)
    if summary.state == "interrupted":
        click.echo("interrupted; the same command continues", err=True)


def _name_refusals(refusals: list[Refusal]) -> None:
    for refusal in refusals[:_SHOWN]:
        click.echo(f"refused {refusal.path}: {refusal.message} [{refusal.reason}]", err=True)
    if len(refusals) > _SHOWN:
        click.echo(f"… and {len(refusals) - _SHOWN:,} more", err=True)
