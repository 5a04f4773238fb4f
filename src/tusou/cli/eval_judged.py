"""``tusou eval judged``: searches of a library against judgments made by looking at its images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tusou.catalog.library import Library
from tusou.cli.common import json_option, library_option, open_library, print_json, print_table, progress_bar
from tusou.cli.eval_options import qrels_option, queries_option, read_measures
from tusou.errors import QrelsRunMismatch

if TYPE_CHECKING:
    from tusou.evaluation.graded import Measure
    from tusou.evaluation.judged_run import JudgedRun
    from tusou.evaluation.qrels import JudgedQuery, Qrels
    from tusou.ranking.base import Ranker
    from tusou.search.engine import SearchEngine
    from tusou.types import ImageRecord

Only = Literal["words", "picture"]
"""Which recall answers: the inverted index or the vector index."""

SOURCES = {"words": "lexical", "picture": "dense"}
"""Each recall's name in explanations."""

DEFAULT_MEASURES = ("nDCG@10", "P@10", "Judged@10")
ALL = "all"


def _read_measures(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> list[Measure]:
    from tusou.search.engine import MAX_LIMIT

    measures = read_measures(ctx, option, texts)
    if deep := [str(each) for each in measures if each.cutoff is None or each.cutoff > MAX_LIMIT]:
        raise click.BadParameter(f"{deep[0]} looks too deep: a search returns at most {MAX_LIMIT} images")
    return measures


@click.command()
@library_option
@queries_option
@qrels_option
@click.option("--bundle", help="Name or folder of the library's model bundle, when it is not installed.")
@click.option(
    "--only",
    type=click.Choice(["words", "picture"]),
    help="Answer by the words of the images alone, or by the pictures alone.",
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    default=DEFAULT_MEASURES,
    show_default=True,
    callback=_read_measures,
    metavar="NAME@K",
    help="nDCG, P, RR, Success or Judged with a cut-off; may be repeated.",
)
@click.option(
    "--save-run",
    "run_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also save the answers in TREC layout, for `tusou eval compare`.",
)
@json_option
def judged(
    library_path: Path,
    queries_path: Path,
    qrels_path: Path,
    bundle: str | None,
    only: Only | None,
    measures: list[Measure],
    run_path: Path | None,
    as_json: bool,
) -> None:
    """Search with every judged query as a person would, and measure the answers.

    Means are over the queries with a relevant image, per language, per kind of query and over all; the
    others are counted.
    """
    from tusou.evaluation.judged_run import evaluate_run
    from tusou.evaluation.qrels import qrels_of, read_judgments, read_queries
    from tusou.evaluation.runs import write_run

    queries, qrels = read_queries(queries_path), qrels_of(read_judgments(qrels_path))
    with open_library(library_path) as library:
        _check_images(library, qrels)
        model_id, run = rankings(
            library, queries, bundle=bundle, only=only, depth=max(measure.cutoff or 0 for measure in measures)
        )
    if run_path:
        write_run(run_path, run, model_id)
    measured = evaluate_run(run, qrels, measures)
    answer = {"model_id": model_id, "only": only, **_report(queries, measures, measured)}
    if as_json:
        print_json(answer)
    else:
        _print(answer, [str(measure) for measure in measures])


def rankings(
    library: Library,
    queries: Sequence[JudgedQuery],
    *,
    bundle: str | None = None,
    only: Only | None = None,
    depth: int = 10,
) -> tuple[str, dict[str, list[str]]]:
    """Search with every query through the search engine.

    Args:
        library: Open library.
        queries: What to ask.
        bundle: Name or folder of the bundle the library is embedded with; found by its model when None.
        only: One recall alone; both, as in every search, when None.
        depth: Images returned per query at most.

    Returns:
        The model's id, and query to documents (``supplier/item_id``), best first.
    """
    engine = _engine(library, bundle, only)
    run = {}
    try:
        with progress_bar("Searching") as advance:
            for number, query in enumerate(queries, start=1):
                run[query.query_id] = _found(engine, query, only, depth)
                advance(number / len(queries))
    finally:
        engine.close()
    return engine.encoder.model_id, run


def doc_id_of(record: ImageRecord) -> str:
    """An image's name in judgments."""
    return f"{record.supplier}/{record.item_id}"


def _engine(library: Library, bundle: str | None, only: Only | None) -> SearchEngine:
    from tusou.encoders.bundle_encoder import open_encoder
    from tusou.encoders.library_encoder import open_library_encoder
    from tusou.ingest.indexing import open_index
    from tusou.search.engine import SearchEngine

    encoder = open_encoder(bundle) if bundle else open_library_encoder(library)
    return SearchEngine(library, encoder, open_index(library, encoder), ranker=_ranker(only))


def _ranker(only: Only | None) -> Ranker:
    """The first ranker; for one recall alone, all the weight of the words' scores goes to that recall's."""
    from tusou.ranking.convex import COVERAGE, DENSE, LEXICAL, WEIGHTS, ConvexCombination

    if only is None:
        return ConvexCombination()
    kept = (LEXICAL, COVERAGE) if only == "words" else (DENSE,)
    scale = sum(WEIGHTS[name] for name in (LEXICAL, COVERAGE, DENSE)) / sum(WEIGHTS[name] for name in kept)
    weights = {name: WEIGHTS[name] * scale if name in kept else 0.0 for name in (LEXICAL, COVERAGE, DENSE)}
    return ConvexCombination({**WEIGHTS, **weights})


def _found(engine: SearchEngine, query: JudgedQuery, only: Only | None, depth: int) -> list[str]:
    """Images found, best first; with ``only``, those that recall found among a full page (it may be none)."""
    from tusou.search.engine import MAX_LIMIT
    from tusou.types import SearchRequest

    if only is None:
        hits = engine.search(SearchRequest(q=query.q, limit=depth)).hits
    else:
        page = engine.search(SearchRequest(q=query.q, limit=MAX_LIMIT, explain=True))
        hits = [hit for hit in page.hits if hit.explanation and SOURCES[only] in hit.explanation.sources]
    return [doc_id_of(hit.image) for hit in hits[:depth]]


def _check_images(library: Library, qrels: Qrels) -> None:
    """Refuse a library that lacks judged images: its figures would compare with nothing."""
    from tusou.catalog.records import image_id_of

    judged = {doc_id for of_query in qrels.values() for doc_id in of_query}
    ids = {image_id_of(*doc_id.partition("/")[::2]): doc_id for doc_id in judged}
    held = library.catalog.get_many(list(ids))
    missing = sorted(doc_id for image_id, doc_id in ids.items() if image_id not in held)
    if missing:
        raise QrelsRunMismatch(
            f"{len(missing)} of {len(judged)} judged images are not in {library.path}, first {missing[0]}: "
            "ingest them, or name the library the judgments were made for with --library"
        )


def _report(
    queries: Sequence[JudgedQuery], measures: Sequence[Measure], measured: JudgedRun
) -> dict[str, Any]:
    names = [str(measure) for measure in measures]
    groups = {lang: [each.query_id for each in queries if each.lang == lang] for lang in ("en", "zh")}
    for each in queries:
        groups.setdefault(each.kind, []).append(each.query_id)
    groups[ALL] = [each.query_id for each in queries]
    return {
        "queries": len(queries),
        "left_out": list(measured.left_out),
        "means": {
            group: {
                "queries": len(kept),
                "left_out": len(query_ids) - len(kept),
                **_rounded(names, measured.means(kept)),
            }
            for group, query_ids in groups.items()
            if (kept := [each for each in query_ids if each in measured.values])
        },
        "per_query": [
            {
                "query_id": each.query_id,
                "lang": each.lang,
                "kind": each.kind,
                "q": each.q,
                **_rounded(names, measured.values[each.query_id]),
            }
            for each in queries
            if each.query_id in measured.values
        ],
    }


def _rounded(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in zip(names, values, strict=True)}


def _print(answer: dict[str, Any], names: Sequence[str]) -> None:
    rows = [
        [each["query_id"], *(f"{each[name]:.3f}" for name in names), each["kind"], each["q"]]
        for each in answer["per_query"]
    ]
    print_table("", ["query", *names, "kind", "words"], rows)
    click.echo()
    means = [
        [group, mean["queries"], mean["left_out"], *(f"{mean[name]:.3f}" for name in names)]
        for group, mean in answer["means"].items()
    ]
    title = f"{answer['model_id']}" + (f", {answer['only']} only" if answer["only"] else "")
    print_table(title, ["group", "queries", "left out", *names], means)
