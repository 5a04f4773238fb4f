"""``tusou train cutoff``: learn where answers of a library end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import json_option, library_option, open_library, print_json
from tusou.cli.eval_cutoff import cutoff_queries, print_report, report_item
from tusou.cli.eval_options import qrels_option, queries_option

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tusou.catalog.library import Library
    from tusou.search.engine import SearchEngine

BLOCK = 4096


@click.command()
@library_option
@queries_option
@qrels_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write it to; the library's own place, where searches find it, when left out.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Deals the queries out.")
@json_option
def cutoff(
    library_path: Path,
    queries_path: Path,
    qrels_path: Path,
    output: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Fit the probability of relevance to judgments of the library's images, and its cut-off.

    The library's images are the bank that scores are standardised over. What is printed was measured on
    queries each cut-off had not seen. Running servers take it up by themselves.
    """
    from tusou.ranking.bank import measure_bank
    from tusou.ranking.cutoff_files import library_folder, save_cutoff
    from tusou.ranking.learn.cutoff import cross_validate_cutoff, fit_cutoff
    from tusou.search.engine import SearchEngine

    with open_library(library_path) as library:
        engine = SearchEngine.open(library)
        try:
            bank = measure_bank(_embeddings(library, engine))
            queries = cutoff_queries(engine, queries_path, qrels_path, bank)
        finally:
            engine.close()
        report = cross_validate_cutoff(queries, bank, seed)
        model_id = engine.encoder.model_id
        training = {
            "seed": seed,
            "qrels_sha256": hashlib.sha256(qrels_path.read_bytes()).hexdigest(),
            "queries_sha256": hashlib.sha256(queries_path.read_bytes()).hexdigest(),
            "held_out": {**report_item(report), "curve": None},
        }
        folder = output or library_folder(library.path, model_id)
        save_cutoff(folder, fit_cutoff(queries, bank, seed), model_id, training)
    if as_json:
        print_json({"model_id": model_id, "folder": str(folder), **report_item(report)})
    else:
        print_report(f"{model_id}, held-out queries", report)
        click.echo(f"written to {folder}")


def _embeddings(library: Library, engine: SearchEngine) -> Iterator[npt.NDArray[np.float16]]:
    """The embeddings of all live images, block by block."""
    import numpy as np

    from tusou.search.answer import every_live_row

    store = library.embeddings(engine.encoder.model_id, engine.encoder.dim)
    rows = np.flatnonzero(every_live_row(engine.index))
    for start in range(0, len(rows), BLOCK):
        yield store.take(rows[start : start + BLOCK])
