"""``tusou eval cutoff``: does a library know which images are relevant, and when none is?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table, progress_bar
from tusou.cli.eval_options import qrels_option, queries_option
from tusou.errors import RankerError

if TYPE_CHECKING:
    from tusou.ranking.bank import ImageBank
    from tusou.ranking.learn.cutoff import CutoffQuery, CutoffReport
    from tusou.search.engine import SearchEngine

CURVE_POINTS = 6


@click.command()
@library_option
@queries_option
@qrels_option
@json_option
def cutoff(library_path: Path, queries_path: Path, qrels_path: Path, as_json: bool) -> None:
    """Measure the cut-off in use on judged queries, each with and without its relevant images.

    On judgments it was fitted to, the figures flatter; `tusou train cutoff` prints held-out ones.
    """
    from tusou.ranking.learn.cutoff import measure_cutoff
    from tusou.search.engine import SearchEngine

    with open_library(library_path) as library:
        engine = SearchEngine.open(library)
        try:
            found = engine.cutoff()
            if found is None:
                raise RankerError(
                    f"{library.path} has no cut-off for {engine.encoder.model_id}; fit one with `tusou train "
                    "cutoff`",
                    reason="no_cutoff",
                )
            queries = cutoff_queries(engine, queries_path, qrels_path, found.bank)
        finally:
            engine.close()
    report = measure_cutoff(found, queries)
    if as_json:
        print_json({"model_id": engine.encoder.model_id, "threshold": found.threshold, **report_item(report)})
    else:
        print_report(f"{engine.encoder.model_id}, threshold {found.threshold:.3f}", report)


def cutoff_queries(
    engine: SearchEngine, queries_path: Path, qrels_path: Path, bank: ImageBank
) -> list[CutoffQuery]:
    """Search with every judged query, with a progress bar."""
    from tusou.evaluation.qrels import qrels_of, read_judgments, read_queries
    from tusou.search.judged import judged_cutoff_queries

    queries, qrels = read_queries(queries_path), qrels_of(read_judgments(qrels_path))
    found = []
    with progress_bar("Measuring candidates") as advance:
        for each in judged_cutoff_queries(engine, queries, qrels, bank):
            found.append(each)
            advance(len(found) / len(queries))
    return found


def report_item(report: CutoffReport) -> dict[str, Any]:
    """A report for programs."""
    return asdict(report)


def print_report(title: str, report: CutoffReport) -> None:
    """A report for people."""
    rows = [
        ("queries, of them answerable", f"{report.queries}, {report.answerable}"),
        ("candidates", f"{report.candidates:,}"),
        ("AUROC of answerable against relevant images missing", f"{report.auroc:.3f}"),
        ("calibration error, all candidates", f"{report.calibration_error:.4f}"),
        ("calibration error, probability 0.1 and more", f"{report.calibration_error_likely:.4f}"),
        ("answerable queries refused", f"{report.refused:.1%}"),
        ("queries without relevant images refused", f"{report.refused_without:.1%}"),
        ("median size of the relevant set", f"{report.size:g}"),
        ("precision and recall of the relevant set", f"{report.precision:.3f}, {report.recall:.3f}"),
    ]
    print_table(title, ["measure", "value"], rows)
    click.echo()
    step = max(1, len(report.curve) // CURVE_POINTS)
    points = [[f"{at:.3f}", f"{share:.1%}", f"{good:.1%}"] for at, share, good in report.curve[::step]]
    print_table("refusing below a confidence", ["best probability", "answered", "of them answerable"], points)
