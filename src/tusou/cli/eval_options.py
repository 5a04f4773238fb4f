"""Options the verbs of ``tusou eval`` share: queries, judgments, measures and the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tusou.errors import EvaluationError

if TYPE_CHECKING:
    from tusou.evaluation.comparison import Comparison
    from tusou.evaluation.graded import Measure
    from tusou.evaluation.judged_run import Run
    from tusou.evaluation.qrels import Qrels
    from tusou.evaluation.report import Thumbnail

_Command = TypeVar("_Command", bound=Callable[..., Any])

RUN = click.Path(path_type=Path, dir_okay=False)


def read_measures(_ctx: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[Measure]:
    """Measures as click takes them; a spelling nobody knows is a usage error."""
    from tusou.evaluation.graded import parse_measure

    try:
        return [parse_measure(text) for text in dict.fromkeys(texts)]
    except EvaluationError as error:
        raise click.BadParameter(str(error)) from None


def queries_option(command: _Command) -> _Command:
    """Add ``--queries``; the command receives ``queries_path``."""
    return click.option(
        "--queries",
        "queries_path",
        type=click.Path(path_type=Path),
        default=Path("demo/judged-queries.jsonl"),
        show_default=True,
        help="Queries, one JSON object per line (query_id, lang, kind, q).",
    )(command)


def qrels_option(command: _Command) -> _Command:
    """Add ``--qrels``; the command receives ``qrels_path``."""
    return click.option(
        "--qrels",
        "qrels_path",
        type=click.Path(path_type=Path),
        default=Path("demo/judgments.qrels"),
        show_default=True,
        help="Judgments in TREC layout: query_id, source, supplier/item_id, grade 0 to 3.",
    )(command)


def measures_option(*default: str) -> Callable[[_Command], _Command]:
    """Add ``--measure``; the command receives ``measures``."""
    return click.option(
        "--measure",
        "measures",
        multiple=True,
        default=default,
        show_default=True,
        callback=read_measures,
        metavar="NAME@K",
        help="nDCG, AP, P, Recall, RR, Success or Judged with a cut-off; may be repeated.",
    )


def report_options(command: _Command) -> _Command:
    """Add ``--report`` and the library its thumbnails come from: ``report``, ``pictures``."""
    command = click.option(
        "--pictures",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="Library whose thumbnails the report shows.",
    )(command)
    return click.option(
        "--report",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Also write an HTML file with pictures.",
    )(command)


def comparison_of(runs: dict[str, Run], qrels: Qrels, measures: list[Measure]) -> Comparison:
    """Compare; here so that numpy loads only when something is measured."""
    from tusou.evaluation.comparison import compare

    return compare(runs, qrels, measures)


def save_report(
    report: Path,
    comparison: Comparison,
    runs: dict[str, Run],
    qrels: Qrels,
    queries_path: Path,
    pictures: Path | None,
) -> None:
    """Write the HTML report, with the words of the queries when their file is there."""
    from tusou.evaluation.qrels import read_queries
    from tusou.evaluation.report import Material, write_report

    words = {each.query_id: each.q for each in read_queries(queries_path)} if queries_path.exists() else {}
    thumbnail = _thumbnails(pictures) if pictures else lambda _: None
    material = Material(words, qrels, runs, thumbnail)
    report.write_text(write_report(comparison, material, " · ".join(runs)), encoding="utf-8")
    click.echo(f"report: {report}", err=True)


def _thumbnails(pictures: Path) -> Thumbnail:
    from tusou.catalog.records import image_id_of
    from tusou.cli.common import open_library

    library = open_library(pictures)

    def thumbnail(doc_id: str) -> bytes | None:
        found = library.catalog.get_many([image_id_of(*doc_id.partition("/")[::2])])
        return next((library.thumbnails.get(record.sha256) for record in found.values()), None)

    return thumbnail


def as_table(comparison: Comparison) -> list[list[object]]:
    """Means as rows: system, measure, mean, interval."""
    return [
        [system, str(measure), f"{mean.value:.4f}", f"{mean.low:.4f} – {mean.high:.4f}"]
        for system, means in comparison.means.items()
        for measure, mean in zip(comparison.measures, means, strict=True)
    ]


def as_json_value(comparison: Comparison) -> dict[str, Any]:
    """The whole comparison for programs."""
    return {
        "queries": len(comparison.query_ids),
        "left_out": list(comparison.left_out),
        "gain": "exponential",
        "means": {
            system: {
                str(measure): {"mean": mean.value, "interval": [mean.low, mean.high]}
                for measure, mean in zip(comparison.measures, means, strict=True)
            }
            for system, means in comparison.means.items()
        },
        "differences": [
            {
                "system": each.system,
                "baseline": comparison.baseline,
                "measure": each.measure,
                "mean": each.mean.value,
                "interval": [each.mean.low, each.mean.high],
                "p": each.probability,
                "wins": each.wins,
                "losses": each.losses,
                "ties": each.ties,
            }
            for each in comparison.differences
        ],
    }
