"""``tusou jobs``: ingest jobs and the files they refused."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tusou.catalog.records import Job, Refusal
from tusou.cli.common import json_option, library_option, open_library, print_json, print_table
from tusou.ingest.reports import write_report


@click.command()
@click.argument("job_id", type=int, required=False)
@library_option
@click.option(
    "--limit", default=20, show_default=True, help="Jobs, or refusals of one job, to show; -1 for all."
)
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="List refusals: .csv or .jsonl."
)
@json_option
def jobs(job_id: int | None, library_path: Path, limit: int, report: Path | None, as_json: bool) -> None:
    """Show the latest ingest jobs, or one job with the files it refused."""
    if report is not None and job_id is None:
        raise click.UsageError("--report needs the number of a job")
    with open_library(library_path) as library:
        log = library.jobs
        if job_id is None:
            _show_jobs(log.latest(limit), as_json)
            return
        job, reasons = log.get(job_id), log.refusal_reasons(job_id)
        if report is not None:
            write_report(report, log.refusals(job_id))
        _show_job(job, reasons, log.refusals(job_id, -1 if as_json else limit), as_json)


def _plain(job: Job) -> dict[str, Any]:
    finished = job.finished.isoformat() if job.finished else None
    return asdict(job) | {"started": job.started.isoformat(), "finished": finished}


def _show_jobs(found: list[Job], as_json: bool) -> None:
    if as_json:
        print_json([_plain(job) for job in found])
        return
    rows = [
        (
            job.job_id,
            f"{job.started:%m-%d %H:%M}",
            job.state,
            job.supplier,
            *(job.counts.get(name, 0) for name in ("added", "updated", "unchanged", "refused")),
            Path(job.source).name,
        )
        for job in found
    ]
    headings = ("job", "started", "state", "supplier", "added", "updated", "unchanged", "refused", "source")
    print_table("Jobs", headings, rows)


def _show_job(job: Job, reasons: dict[str, int], refused: list[Refusal], as_json: bool) -> None:
    if as_json:
        print_json(_plain(job) | {"reasons": reasons, "refusals": [asdict(each) for each in refused]})
        return
    click.echo(f"from {job.source}\n")
    _show_jobs([job], as_json=False)
    if reasons:
        click.echo()
        print_table("Refused", ("reason", "files"), reasons.items())
        click.echo()
        rows = [
            (each.path, "" if each.line is None else each.line, each.reason, each.message) for each in refused
        ]
        print_table("", ("path", "row", "reason", "message"), rows)
    if len(refused) < sum(reasons.values()):
        click.echo(f"… {sum(reasons.values()) - len(refused):,} more; see --limit, --report or --json")
