"""``tusou eval recall``: what the recall stage hands to the ranking, by each retriever and by both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.catalog.library import Library
from tusou.cli.common import json_option, library_option, open_library, print_json, print_table, progress_bar
from tusou.cli.eval_judged import doc_id_of
from tusou.cli.eval_options import as_json_value, comparison_of, qrels_option, queries_option

if TYPE_CHECKING:
    from tusou.evaluation.judged_run import Run
    from tusou.evaluation.qrels import JudgedQuery

DEPTHS = (100, 1000)
BOTH = "both"


@click.command()
@library_option
@queries_option
@qrels_option
@click.option(
    "--k",
    "depths",
    type=click.IntRange(min=1),
    multiple=True,
    default=DEPTHS,
    show_default=True,
    help="Candidates of each retriever; may be repeated.",
)
@json_option
def recall(
    library_path: Path, queries_path: Path, qrels_path: Path, depths: tuple[int, ...], as_json: bool
) -> None:
    """Recall@k of the candidates, before ranking: lexical, dense and both together.

    `both` holds k of each retriever, so up to twice as many. What is missing here no ranking can bring back.
    """
    from tusou.evaluation.graded import Measure
    from tusou.evaluation.qrels import qrels_of, read_judgments, read_queries

    queries, qrels = read_queries(queries_path), qrels_of(read_judgments(qrels_path))
    with open_library(library_path) as library:
        runs = {k: _candidates(library, queries, k) for k in sorted(set(depths))}
    found = {k: comparison_of(runs[k], qrels, [Measure("Recall", 2 * k)]) for k in runs}
    if as_json:
        print_json({str(k): as_json_value(each) for k, each in found.items()})
        return
    rows = [
        [system, f"Recall@{k}", f"{mean.value:.4f}", f"{mean.low:.4f} – {mean.high:.4f}"]
        for k, each in found.items()
        for system, (mean,) in each.means.items()
    ]
    first = next(iter(found.values()))
    title = f"{len(first.query_ids)} queries, {len(first.left_out)} left out"
    print_table(title, ["candidates", "measure", "mean", "95 % interval"], rows)


def _candidates(library: Library, queries: Sequence[JudgedQuery], depth: int) -> dict[str, Run]:
    """Retriever to query to its candidates."""
    from tusou.encoders.library_encoder import open_library_encoder
    from tusou.ingest.indexing import open_index
    from tusou.search.recalled import recalled
    from tusou.text.user_words import UserWords

    encoder = open_library_encoder(library)
    index = open_index(library, encoder)
    runs: dict[str, dict[str, list[str]]] = {}
    try:
        words = UserWords(index.folder)
        with progress_bar(f"Recall of {depth}") as advance:
            for number, query in enumerate(queries, start=1):
                for name, rows in recalled(index, encoder, words.analyzer, query.q, depth).items():
                    records = library.catalog.get_rows(rows)
                    found = [doc_id_of(records[row]) for row in rows if row in records]
                    runs.setdefault(name, {})[query.query_id] = found
                advance(number / len(queries))
    finally:
        index.close()
    return {**runs, BOTH: _united(list(runs.values()))}


def _united(runs: list[dict[str, list[str]]]) -> dict[str, list[str]]:
    return {
        query_id: list(dict.fromkeys(doc_id for run in runs for doc_id in run[query_id]))
        for query_id in runs[0]
    }
