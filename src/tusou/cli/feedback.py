"""``tusou feedback``: the log of what people searched, saw and chose."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tusou.catalog.library import Library
from tusou.cli.common import (
    json_option,
    library_option,
    open_library,
    print_json,
    print_table,
    progress_bar,
    yes_option,
)

if TYPE_CHECKING:
    from tusou.feedback.importing import ImportReport
    from tusou.feedback.simulate import Grades
    from tusou.feedback.store import EventStore

_Command = TypeVar("_Command", bound=Callable[..., Any])

_ROWS_SHOWN = 20
_DAY = 24 * 3600 * 1000


def application_option(command: _Command) -> _Command:
    """Add ``--application`` (repeatable); the command receives ``applications``."""
    return click.option(
        "--application",
        "applications",
        multiple=True,
        metavar="NAME",
        help="Searches of this program only; may be repeated. All but simulated ones when left out.",
    )(command)


@click.group()
def feedback() -> None:
    """Look at what people searched, saw and chose; bring logs in and take them out.

    docs/guides/feedback.md says what is logged, for how long, and how people say no.
    """


@feedback.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@library_option
@click.option(
    "--application",
    default="",
    metavar="NAME",
    help="Name for rows that do not say which program they are of.",
)
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows left out to this file."
)
@json_option
def import_(source: Path, library_path: Path, application: str, report: Path | None, as_json: bool) -> int:
    """Bring in UBI logs: a FILE or a folder of ubi_queries and ubi_events (.jsonl, .ndjson, .csv).

    Doing it again changes nothing. Rows that cannot be used are left out and listed; then the exit code is 1.
    """
    from tusou.feedback.importing import import_ubi

    with open_library(library_path) as library, _store(library) as store, progress_bar("Importing") as bar:
        done = import_ubi(store, source, now=_now(), application=application, progress=bar)
    if report is not None:
        lines = [f"{row.where}\t{row.reason}\t{row.message}\n" for row in done.bad_rows]
        report.write_text("".join(lines), encoding="utf-8")
    if as_json:
        print_json(_import_answer(done))
    else:
        _print_import(done)
    return 1 if done.reasons else 0


@feedback.command()
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@library_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(["ubi", "judgments", "training"]),
    default="ubi",
    show_default=True,
    help="The log itself; grades estimated from clicks, as qrels; or lists with their images to train on.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Judgments that are at least so sure.",
)
@application_option
@json_option
def export(
    output: Path,
    library_path: Path,
    format_: str,
    confidence: float,
    applications: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write the log to the folder OUTPUT."""
    from tusou.feedback.exporting import export_training, export_ubi

    wanted = applications or None
    figures: dict[str, int]
    with open_library(library_path) as library, _store(library, read_only=True) as store:
        if format_ == "judgments":
            figures = {"judgments": _export_judgments(library, store, output, wanted, confidence)}
        elif format_ == "training":
            figures = asdict(export_training(store, output, library, applications=wanted))
        else:
            figures = asdict(export_ubi(store, output, applications=wanted))
    if as_json:
        print_json({"output": str(output), **figures})
    else:
        click.echo(f"{output}: " + ", ".join(f"{count:,} {what}" for what, count in figures.items()))


@feedback.command()
@library_option
@application_option
@json_option
def stats(library_path: Path, applications: tuple[str, ...], as_json: bool) -> None:
    """Count searches, sessions and clicks, and estimate how far down people look."""
    from tusou.feedback.statistics import describe

    with open_library(library_path) as library, _store(library, read_only=True) as store:
        figures = describe(store, applications=applications or None)
    if as_json:
        print_json(figures)
        return
    tables = ("top_queries", "rows", "swaps")
    shown = {name: value for name, value in figures.items() if name not in tables}
    print_table("", ["what", "figures"], [[name, _figure(value)] for name, value in shown.items()])
    for name in tables:
        if figures[name]:
            click.echo()
            rows = [[_figure(value) for value in row.values()] for row in figures[name]]
            print_table(name.replace("_", " "), list(figures[name][0]), rows)


@feedback.command()
@library_option
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0),
    help="Days; the setting feedback_days when left out, 0 for everything.",
)
@yes_option
def purge(library_path: Path, days: int | None, yes: bool) -> None:
    """Delete searches and events of more than some days ago for good.

    A running server does so once a day by itself.
    """
    with open_library(library_path) as library, _store(library) as store:
        kept = library.config.feedback_days if days is None else days
        if not yes:
            click.confirm(f"Delete what is older than {kept} days?", abort=True)
        deleted = store.purge(_now() - kept * _DAY + (0 if kept else 1))
    click.echo(f"{deleted:,} searches deleted")


@feedback.command()
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@library_option
@click.option(
    "--queries",
    "queries_path",
    type=click.Path(path_type=Path),
    default=Path("demo/judged-queries.jsonl"),
    show_default=True,
    help="Queries to ask, the first ones most often.",
)
@click.option(
    "--qrels",
    "qrels_path",
    type=click.Path(path_type=Path),
    default=Path("demo/judgments.qrels"),
    show_default=True,
    help="What the simulated people want; an image without a judgment is grade 0.",
)
@click.option(
    "--model",
    type=click.Choice(["position-0.5", "position-1", "position-2", "cascade", "trust"]),
    default="position-1",
    show_default=True,
    help="How they look and click.",
)
@click.option("--sessions", type=click.IntRange(1), default=10_000, show_default=True, help="How many.")
@click.option(
    "--depth", type=click.IntRange(1, 100), default=20, show_default=True, help="Images shown to each."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same log."
)
@click.option("--bundle", help="Name or folder of the library's model bundle, when it is not installed.")
@json_option
def simulate(
    output: Path,
    library_path: Path,
    queries_path: Path,
    qrels_path: Path,
    model: str,
    sessions: int,
    depth: int,
    seed: int,
    bundle: str | None,
    as_json: bool,
) -> None:
    """Let simulated people search the library, and write their log as UBI files to OUTPUT.

    For experiments: it is marked tusou-simulation, and whatever reads a log leaves it out unless asked.
    """
    from tusou.catalog.records import image_id_of
    from tusou.cli.eval_judged import rankings
    from tusou.evaluation.qrels import qrels_of, read_judgments, read_queries
    from tusou.feedback.exporting import write_ubi
    from tusou.feedback.simulate import SIMULATORS
    from tusou.feedback.simulated_log import simulated_log

    queries, qrels = read_queries(queries_path), qrels_of(read_judgments(qrels_path))
    with open_library(library_path) as library:
        _, run = rankings(library, queries, bundle=bundle, depth=depth)
    found = [run[each.query_id] for each in queries]
    log = simulated_log(
        [each.q for each in queries],
        [tuple(image_id_of(*doc_id.partition("/")[::2]) for doc_id in shown) for shown in found],
        _grades([(run[each.query_id], qrels.get(each.query_id, {})) for each in queries], depth),
        SIMULATORS[model],
        sessions=sessions,
        seed=seed,
        start=_now() - 1000 * sessions - _DAY,
    )
    written = write_ubi(output, log)
    if as_json:
        print_json({"output": str(output), "searches": written.searches, "clicks": written.events})
    else:
        click.echo(f"{output}: {written.searches:,} searches, {written.events:,} clicks")


def _grades(lists: Sequence[tuple[Sequence[str], Mapping[str, int]]], depth: int) -> Grades:
    """(lists, depth) grades in shown order; 0 without a judgment, -1 behind the end."""
    import numpy as np

    grades = np.full((len(lists), depth), -1, np.int64)
    for i, (found, judged) in enumerate(lists):
        grades[i, : len(found)] = [judged.get(doc_id, 0) for doc_id in found]
    return grades


def _store(library: Library, *, read_only: bool = False) -> EventStore:
    from tusou.feedback.store import FILE_NAME, EventStore

    return EventStore(library.path / FILE_NAME, read_only=read_only)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _export_judgments(
    library: Library, store: EventStore, output: Path, applications: Sequence[str] | None, confidence: float
) -> int:
    from tusou.feedback.examination import Examination
    from tusou.feedback.judgments import export_judgments, judge
    from tusou.feedback.tallies import Tallies

    tallies = Tallies.read(store, applications=applications)
    judged = [each for each in judge(tallies, Examination.estimate(tallies)) if each.confidence >= confidence]
    records = library.catalog.get_many(sorted({each.image_id for each in judged}))
    names = {image: f"{record.supplier}/{record.item_id}" for image, record in records.items()}
    return export_judgments(output, judged, names)


def _import_answer(done: ImportReport) -> dict[str, Any]:
    rows = [{"where": row.where, "reason": row.reason, "message": row.message} for row in done.bad_rows]
    return {
        "searches": done.queries,
        "events": done.accepted,
        "duplicates": done.duplicates,
        "left_out": {"count": done.reasons.total(), "per_reason": dict(done.reasons), "rows": rows},
    }


def _print_import(done: ImportReport) -> None:
    click.echo(
        f"{done.queries:,} searches, {done.accepted:,} events; {done.duplicates:,} events were there already"
    )
    if done.reasons:
        click.echo()
        total = done.reasons.total()
        shown = f"; the first {_ROWS_SHOWN}, more with --report" if total > _ROWS_SHOWN else ""
        rows = [[row.where, row.reason, row.message] for row in done.bad_rows[:_ROWS_SHOWN]]
        print_table(f"{total:,} rows left out{shown}", ["where", "reason", "message"], rows)


def _figure(value: Any) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {count:,}" for name, count in value.items()) or "-"
    return "-" if value is None or value == [] else value
