"""``tusou eval ranking | compare | gate``: saved answers against judgments, and against one another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import json_option, print_json, print_table
from tusou.cli.eval_options import (
    RUN,
    as_json_value,
    as_table,
    comparison_of,
    measures_option,
    qrels_option,
    queries_option,
    read_measures,
    report_options,
    save_report,
)

if TYPE_CHECKING:
    from tusou.evaluation.comparison import Comparison
    from tusou.evaluation.graded import Measure
    from tusou.evaluation.judged_run import Run
    from tusou.evaluation.qrels import Qrels

CONVENTION = "exponential gain, ideal from the judgments, unjudged counts as not relevant"
GATE_FAILED = 1


@click.command()
@click.argument("run", type=RUN)
@queries_option
@qrels_option
@measures_option("nDCG@10", "P@10", "RR", "AP", "Judged@10")
@report_options
@json_option
def ranking(
    run: Path,
    queries_path: Path,
    qrels_path: Path,
    measures: list[Measure],
    report: Path | None,
    pictures: Path | None,
    as_json: bool,
) -> None:
    """Measure the answers saved in RUN (TREC layout) against judgments, with 95 % intervals.

    `tusou eval judged --save-run RUN` saves those of a library.
    """
    _compare((run,), queries_path, qrels_path, measures, report, pictures, as_json)


@click.command()
@click.argument("baseline", type=RUN)
@click.argument("runs", type=RUN, nargs=-1, required=True)
@queries_option
@qrels_option
@measures_option("nDCG@10", "P@10", "Judged@10")
@report_options
@json_option
def compare(
    baseline: Path,
    runs: tuple[Path, ...],
    queries_path: Path,
    qrels_path: Path,
    measures: list[Measure],
    report: Path | None,
    pictures: Path | None,
    as_json: bool,
) -> None:
    """Test RUNS against BASELINE query by query: paired randomisation, Holm over all differences."""
    _compare((baseline, *runs), queries_path, qrels_path, measures, report, pictures, as_json)


@click.command()
@click.argument("run", type=RUN)
@click.option("--baseline", type=RUN, required=True, help="Run that must not be fallen behind.")
@qrels_option
@click.option(
    "--measure",
    "measures",
    default=("nDCG@10",),
    multiple=True,
    show_default=True,
    callback=read_measures,
    metavar="NAME@K",
    help="What must not drop; may be repeated.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Chance of failing although nothing changed.",
)
@click.option(
    "--allowed",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Drop of a mean that is put up with.",
)
@json_option
def gate(
    run: Path,
    baseline: Path,
    qrels_path: Path,
    measures: list[Measure],
    alpha: float,
    allowed: float,
    as_json: bool,
) -> None:
    """Fail (exit status 1) when RUN falls behind a baseline by more than noise.

    It fails when a mean drops by more than --allowed and the paired one-sided randomisation test, adjusted
    over the measures (Holm), finds the drop at --alpha. A drop of judged images (Judged@10) explains many
    failures: judge the new answers first.
    """
    from tusou.evaluation.gate import check_gate

    runs, qrels = _read((baseline, run), qrels_path)
    verdicts = check_gate(comparison_of(runs, qrels, measures), alpha=alpha, allowed=allowed)
    if as_json:
        print_json([{"measure": v.measure, "drop": v.drop, "p": v.probability, "ok": v.ok} for v in verdicts])
    else:
        rows = [
            [v.measure, f"{v.drop:+.4f}", f"{v.probability:.4f}", "ok" if v.ok else "FAILED"]
            for v in verdicts
        ]
        print_table(CONVENTION, ["measure", "drop", "p (Holm)", "verdict"], rows)
    if not all(verdict.ok for verdict in verdicts):
        raise SystemExit(GATE_FAILED)


def _compare(
    paths: tuple[Path, ...],
    queries_path: Path,
    qrels_path: Path,
    measures: list[Measure],
    report: Path | None,
    pictures: Path | None,
    as_json: bool,
) -> None:
    runs, qrels = _read(paths, qrels_path)
    found = comparison_of(runs, qrels, measures)
    if report:
        save_report(report, found, runs, qrels, queries_path, pictures)
    if as_json:
        print_json(as_json_value(found))
    else:
        _print(found)


def _read(paths: tuple[Path, ...], qrels_path: Path) -> tuple[dict[str, Run], Qrels]:
    """Runs by the name of their file, and the judgments."""
    from tusou.evaluation.qrels import qrels_of, read_judgments
    from tusou.evaluation.runs import read_run

    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise click.UsageError("the same run is given twice")
    runs: dict[str, Run] = {name: read_run(path) for name, path in zip(names, paths, strict=True)}
    return runs, qrels_of(read_judgments(qrels_path))


def _print(found: Comparison) -> None:
    queries = f"{len(found.query_ids)} queries, {len(found.left_out)} left out; {CONVENTION}"
    print_table(queries, ["run", "measure", "mean", "95 % interval"], as_table(found))
    if found.differences:
        rows = [
            [
                each.system,
                each.measure,
                f"{each.mean.value:+.4f}",
                f"{each.mean.low:+.4f} … {each.mean.high:+.4f}",
                f"{each.probability:.4f}",
                f"{each.wins}/{each.losses}/{each.ties}",
            ]
            for each in found.differences
        ]
        click.echo()
        headings = ["run", "measure", "difference", "95 % interval", "p (Holm)", "wins/losses/ties"]
        print_table(f"against {found.baseline}", headings, rows)
