"""``tusou train ranker``: learn the order of answers from judged queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tusou.evaluation.comparison import Comparison
    from tusou.evaluation.judged_run import Run
    from tusou.evaluation.qrels import JudgedQuery, Qrels
    from tusou.ranking.base import Ranker
    from tusou.ranking.files import LearnedRanker
    from tusou.ranking.learn.config import RankerConfig
    from tusou.ranking.learn.cross_validation import QueryCandidates

BUILT_IN = "convex"


@click.command()
@click.argument("config_path", metavar="CONFIG", type=click.Path(path_type=Path, dir_okay=False))
@library_option
@json_option
def ranker(config_path: Path, library_path: Path, as_json: bool) -> None:
    """Fit a ranker to the judged queries CONFIG names, and say what it is worth on queries it did not see.

    It is written below the library's `rankers`; `tusou rankers promote NAME` puts it to use.
    """
    from tusou.evaluation.qrels import qrels_of, read_judgments, read_queries
    from tusou.ranking.learn.config import load_ranker_config
    from tusou.ranking.learn.cross_validation import kind_for
    from tusou.ranking.store import RankerStore

    config = load_ranker_config(config_path)
    queries, qrels = read_queries(config.queries), qrels_of(read_judgments(config.qrels))
    if config.candidates == "logged":
        candidates = _logged(library_path, queries, qrels)
    else:
        candidates = _candidates(library_path, queries, qrels)
    kind = kind_for(len(candidates)) if config.kind == "auto" else config.kind
    if kind == BUILT_IN:
        raise click.UsageError(
            f"{len(candidates)} judged queries are too few to learn from (50 are the least): the built-in "
            "ranker stays; judge more queries, or name a kind in the configuration"
        )
    store = RankerStore(library_path)
    live = store.live()
    found, fitted = _fit(config, kind, candidates, qrels, live or BUILT_IN, store.open(live))
    _save(config, kind, fitted, found, store)
    picture = _draw(config, fitted, candidates, store.path(config.name))
    if as_json:
        print_json(_answer(config, kind, fitted, found))
    else:
        _print(config, kind, fitted, found)
        click.echo(
            f"pictures: {picture}" if picture else "no pictures: they need the train extra (matplotlib)"
        )


def _logged(library_path: Path, queries: Sequence[JudgedQuery], qrels: Qrels) -> list[QueryCandidates]:
    """Candidates out of the event log; says what was left out."""
    from tusou.feedback.store import FILE_NAME, EventStore
    from tusou.search.logged import logged_candidates

    with open_library(library_path) as library, EventStore(library.path / FILE_NAME, read_only=True) as store:
        found = logged_candidates(store, library.catalog, queries, qrels)
    outdated = f"; {found.outdated:,} of another version of tusou left out" if found.outdated else ""
    click.echo(f"{len(found.queries)} judged queries in {found.answers:,} logged answers{outdated}", err=True)
    return list(found.queries)


def _draw(
    config: RankerConfig, fitted: LearnedRanker, candidates: Sequence[QueryCandidates], folder: Path
) -> Path | None:
    """Draw the ranker beside its files; None where matplotlib is not installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        return None
    from tusou.ranking.learn.cross_validation import training_rows
    from tusou.ranking.learn.pictures import draw_ranker

    path = folder / "features.png"
    draw_ranker(fitted, training_rows(candidates, config.features), _importances(fitted), path)
    return path


def _candidates(library_path: Path, queries: Sequence[JudgedQuery], qrels: Qrels) -> list[QueryCandidates]:
    from tusou.search.engine import SearchEngine
    from tusou.search.judged import judged_candidates

    found = []
    with open_library(library_path) as library, progress_bar("Measuring candidates") as advance:
        engine = SearchEngine.open(library)
        try:
            for each in judged_candidates(engine, queries, qrels):
                found.append(each)
                advance(len(found) / len(queries))
        finally:
            engine.close()
    return found


def _fit(
    config: RankerConfig,
    kind: str,
    candidates: Sequence[QueryCandidates],
    qrels: Qrels,
    live: str,
    live_ranker: Ranker,
) -> tuple[Comparison, LearnedRanker]:
    """Cross-validate against the live ranker, then fit to all queries."""
    import numpy as np

    from tusou.evaluation.comparison import compare
    from tusou.evaluation.graded import parse_measure
    from tusou.ranking.learn.cross_validation import fitter, held_out_run, ranked_by, training_rows

    fit = fitter(kind)
    after = held_out_run(candidates, config.features, fit, config.folds, config.seed)
    before = {each.query_id: ranked_by(live_ranker, each) for each in candidates}
    runs: dict[str, Run] = {live: before, config.name: after}
    found = compare(runs, qrels, [parse_measure(config.measure)])
    everything = training_rows(candidates, config.features)
    return found, fit(everything.of_queries(np.arange(len(candidates))))


def _save(config: RankerConfig, kind: str, fitted: LearnedRanker, found: Comparison, store: Any) -> None:
    import hashlib

    from tusou.ranking.files import HeldOut, save_ranker

    training = {
        "kind": kind,
        "candidates": config.candidates,
        "queries": len(found.query_ids),
        "folds": config.folds,
        "seed": config.seed,
        "qrels_sha256": hashlib.sha256(config.qrels.read_bytes()).hexdigest(),
        "queries_sha256": hashlib.sha256(config.queries.read_bytes()).hexdigest(),
    }
    held_out = HeldOut(
        measure=config.measure,
        baseline=found.baseline,
        query_ids=found.query_ids,
        ranker=tuple(found.values(config.name, 0).tolist()),
        before=tuple(found.values(found.baseline, 0).tolist()),
    )
    save_ranker(store.path(config.name), config.name, fitted, training, held_out)


def _answer(config: RankerConfig, kind: str, fitted: LearnedRanker, found: Comparison) -> dict[str, Any]:
    (difference,) = found.differences
    return {
        "name": config.name,
        "kind": kind,
        "queries": len(found.query_ids),
        "measure": config.measure,
        "held_out": {name: mean[0].value for name, mean in found.means.items()},
        "difference": difference.mean.value,
        "interval": [difference.mean.low, difference.mean.high],
        "p": difference.probability,
        "features": dict(_importances(fitted)),
    }


def _importances(fitted: LearnedRanker) -> list[tuple[str, float]]:
    """Weight of every standardised feature, or share of the trees' gain; largest first."""
    from tusou.ranking.learn.linear import LinearRanker

    values = fitted.weights if isinstance(fitted, LinearRanker) else fitted.importances()
    pairs = zip(fitted.names, values.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -abs(pair[1]))


def _print(config: RankerConfig, kind: str, fitted: LearnedRanker, found: Comparison) -> None:
    heading = "weight" if kind == "linear" else "share of gain"
    print_table("", ["feature", heading], [(name, f"{value:+.3f}") for name, value in _importances(fitted)])
    (difference,) = found.differences
    click.echo()
    rows = [
        (name, f"{mean.value:.4f}", f"{mean.low:.4f} – {mean.high:.4f}")
        for name, (mean,) in found.means.items()
    ]
    title = f"{config.measure} of {len(found.query_ids)} queries, each ranked without having been trained on"
    print_table(title, ["ranker", "mean", "95 % interval"], rows)
    click.echo(
        f"\n{difference.mean.value:+.4f} ({difference.mean.low:+.4f} … {difference.mean.high:+.4f}), "
        f"p = {difference.probability:.4f}, wins/losses/ties "
        f"{difference.wins}/{difference.losses}/{difference.ties}"
    )
