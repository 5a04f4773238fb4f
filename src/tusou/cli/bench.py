"""``tusou bench``: speed scenarios, with the machine and a floor measured in the same run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from tusou.cli.bench_thesis import thesis
from tusou.cli.common import console, json_option, print_json, print_table, progress_bar
from tusou.cli.train_run import need_torch

_Command = Callable[..., None]


@click.group()
def bench() -> None:
    """Run the speed scenarios; figures beside a floor measured in the same run."""


bench.add_command(thesis)


def _report_options(command: _Command) -> _Command:
    """Add ``--json`` and ``--output FILE``."""
    output = click.option(
        "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as JSON here too."
    )
    return json_option(output(command))


@bench.command()
@click.option("--rows", type=click.IntRange(1), default=100_000, show_default=True, help="Images searched.")
@click.option("--dim", type=click.IntRange(8, 4096), default=512, show_default=True, help="Embedding length.")
@click.option("--queries", type=click.IntRange(1), default=60, show_default=True, help="Queries per filter.")
@click.option(
    "--whole/--index-only",
    default=False,
    show_default=True,
    help="Also measure whole searches through a catalog of as many images and the base bundle.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the synthetic library in this folder for the next run.",
)
@_report_options
def search(
    rows: int, dim: int, queries: int, whole: bool, cache: Path | None, as_json: bool, output: Path | None
) -> None:
    """Measure recall and search over a synthetic library."""
    from tusou.bench.search_scale import run

    place = nullcontext(cache) if cache else tempfile.TemporaryDirectory(prefix="tusou-bench-")
    with place as folder, progress_bar(f"building {rows:,} rows") as progress:
        report = run(rows, dim, queries, Path(folder), progress)
        if whole:
            from tusou.bench.whole_search import run as run_whole

            report["whole_search"] = run_whole(rows, queries, Path(folder), progress)
    _finish(report, as_json, output, _print_search)


@bench.command()
@click.option("--images", type=click.IntRange(0), default=0, help="Photos per size; 0 for a usual number.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Decode processes.")
@click.option("--bundle", default="base", show_default=True, help="Model bundle: a name or a folder.")
@_report_options
def ingest(images: int, workers: int, bundle: str, as_json: bool, output: Path | None) -> None:
    """Measure ingest of photos into a throw-away library."""
    from tusou.bench.ingest_rate import measure_ingest

    status = console(stderr=True)
    report = measure_ingest(images=images, workers=workers, bundle=bundle, progress=status.print)
    _finish(report, as_json, output, _print_ingest)


@bench.command()
@click.option(
    "--rows", type=click.IntRange(2500), default=100_000, show_default=True, help="Images searched."
)
@click.option("--dim", type=click.IntRange(8, 4096), default=256, show_default=True, help="Embedding length.")
@click.option("--queries", type=click.IntRange(1), default=60, show_default=True, help="Queries timed.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the synthetic library in this folder for the next run.",
)
@_report_options
def ranking(
    rows: int, dim: int, queries: int, cache: Path | None, as_json: bool, output: Path | None
) -> None:
    """Measure all features of 1,000 candidates, and every kind of ranker over them."""
    from tusou.bench.ranking import measure_ranking

    place = nullcontext(cache) if cache else tempfile.TemporaryDirectory(prefix="tusou-bench-")
    with place as folder, progress_bar(f"building {rows:,} rows") as progress:
        report = measure_ranking(rows, dim, queries, Path(folder), progress)
    _finish(report, as_json, output, _print_ranking)


@bench.command()
@click.option("--batch", type=click.IntRange(2), default=1000, show_default=True, help="Rows of a step.")
@click.option("--steps", type=click.IntRange(1), default=30, show_default=True, help="Steps timed.")
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of a matrix product."
)
@click.option(
    "--paddle",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also measure PaddlePaddle, installed in this virtual environment.",
)
@_report_options
def training(
    batch: int, steps: int, threads: int, paddle: Path | None, as_json: bool, output: Path | None
) -> None:
    """Measure the reference network's training step against the machine's matrix peak."""
    need_torch()
    from tusou.bench.training import measure_training

    report = measure_training(batch=batch, steps=steps, threads=threads, paddle=paddle)
    _finish(report, as_json, output, _print_training)


def _finish(
    report: dict[str, Any], as_json: bool, output: Path | None, show: Callable[[dict[str, Any]], None]
) -> None:
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json(report)
        return
    machine = report["machine"]
    click.echo(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, load {machine['load_1m']}, "
        f"tusou {machine['tusou']} {machine['commit']}"
    )
    show(report)


def _print_ranking(report: dict[str, Any]) -> None:
    stages = {**report["stages_ms"], **report["floor_ms"]}
    rows = [
        [stage, figures["p50"], figures["p95"], figures["p99"], figures["cpu_p50"]]
        for stage, figures in stages.items()
    ]
    title = f"{report['candidates']:,} candidates, {report['features']} features, {report['rows']:,} rows"
    print_table(title, ["stage", "p50 ms", "p95 ms", "p99 ms", "CPU ms"], rows)


def _print_search(report: dict[str, Any]) -> None:
    headings = ["filter", "stage", "p50 ms", "p95 ms", "p99 ms", "CPU ms"]
    print_table(f"{report['rows']:,} rows x {report['dim']}", headings, _stage_rows(report["filters"]))
    recall = [[name, *(figures["ann_recall"].values())] for name, figures in report["filters"].items()]
    print_table("ANN recall", ["filter", *next(iter(report["filters"].values()))["ann_recall"]], recall)
    plain = {key: report[key] for key in ("open_to_first_answer_s", "resident_mb", "peak_resident_mb")}
    print_table(
        "", ["figure", "value"], [*plain.items(), *report["build"].items(), *report["floors"].items()]
    )
    if "whole_search" in report:
        print_table("whole searches", headings, _stage_rows(report["whole_search"]["queries"]))


def _stage_rows(groups: dict[str, Any]) -> list[list[object]]:
    return [
        [name, stage, figures["p50"], figures["p95"], figures["p99"], figures.get("cpu_p50", "")]
        for name, group in groups.items()
        for stage, figures in group["stages_ms"].items()
    ]


def _print_ingest(report: dict[str, Any]) -> None:
    headings = [
        "size",
        "images/s",
        "CPU ms/image",
        "by CPU images/s",
        "floor images/s",
        "share",
        "start-up s",
    ]
    keys = (
        "size",
        "images_per_s",
        "cpu_ms_per_image",
        "cpu_images_per_s",
        "floor_images_per_s",
        "share_of_floor",
        "startup_s",
    )
    print_table("ingest", headings, [[size[key] for key in keys] for size in report["sizes"]])
    stages = report["sizes"][0]["stages_ms"]
    rows = [[stage, *(size["stages_ms"][stage] for size in report["sizes"])] for stage in stages]
    print_table("one core, ms per image", ["stage", *(size["size"] for size in report["sizes"])], rows)


def _print_training(report: dict[str, Any]) -> None:
    step = report["step"]
    keys = (
        "steps_per_s",
        "seconds_per_step",
        "cpu_seconds_per_step",
        "gflops",
        "share_of_peak",
        "loader_seconds_per_step",
        "loader_share_of_step",
    )
    rows = [[key, f"{step[key]:.4g}"] for key in keys]
    rows += [[f"{name} matrix GFLOP/s", f"{rate:.4g}"] for name, rate in step["matrix_gflops"].items()]
    rows += [
        [f"{key} of PaddlePaddle", f"{report[key]:.3g}"]
        for key in ("speedup", "cpu_speedup")
        if key in report
    ]
    print_table(report["network"], ["figure", "value"], rows)
