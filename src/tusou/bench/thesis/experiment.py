"""One seed of one world, from pictures to figures; kept as JSON, so that an interrupted run goes on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from tusou.bench.thesis.clicks import SESSIONS, common_log, head_queries, own_log
from tusou.bench.thesis.collection import Collection
from tusou.bench.thesis.keywords import ACCURACIES, Noise, draw_keywords
from tusou.bench.thesis.systems import FITTED, by_score, candidates, cold_start, measures, placebo, without
from tusou.bench.thesis.world import Deep, World
from tusou.catalog.durable import write_durably
from tusou.evaluation.calibration import auroc
from tusou.feedback.simulate import SIMULATORS

CENTRE = 0.3
"""Accuracy of keywords the thesis is about."""

NOISES: tuple[Noise, ...] = ("random", "confusable")
CLICKERS = ("position-1", "cascade", "trust")
ABLATIONS = {
    "learned score": ("dense", "keyword_votes"),
    "keyword votes": ("keyword_votes",),
    "BM25": ("bm25",),
    "coverage": ("coverage",),
    "quality": ("quality", "sharpness", "exposure", "contrast", "colorfulness", "blockiness"),
    "source": ("authority",),
}


def run_seed(make: Callable[[], World], seed: int, place: Path) -> dict[str, Any]:
    """Run one seed, or read what it found when it is there.

    Args:
        make: Makes the world.
        seed: Of everything else.
        place: JSON file to keep.
    """
    if place.exists():
        found: dict[str, Any] = json.loads(place.read_text("utf-8"))
        return found
    started = perf_counter()
    world = make()
    report: dict[str, Any] = {
        "world": world.name,
        "seed": seed,
        "images": len(world),
        "compound": [world.queries[query].compound for query in world.test.tolist()],
        "languages": [world.queries[query].lang for query in world.test.tolist()],
        "refusal": refusal(world),
        "cold": [],
    }
    for noise in NOISES:
        for accuracy in ACCURACIES:
            with tempfile.TemporaryDirectory(prefix="tusou-thesis-") as folder:
                collection = Collection(world, draw_keywords(world, accuracy, noise, seed), Path(folder))
                report["cold"].append(_cold(collection, noise, accuracy, seed))
                if accuracy == CENTRE:
                    report |= _centre(collection, noise, seed)
                collection.close()
    report["seconds"] = round(perf_counter() - started, 1)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_durably(place, json.dumps(report).encode())
    return report


def _cold(collection: Collection, noise: Noise, accuracy: float, seed: int) -> dict[str, Any]:
    world = collection.world
    answers = cold_start(collection, world.deep[world.main], seed)
    return {
        "noise": noise,
        "accuracy": accuracy,
        "precision": collection.keywords.precision,
        "recall": collection.keywords.recall,
        "systems": {name: measures(collection, lists) for name, lists in answers.items()},
    }


def _centre(collection: Collection, noise: Noise, seed: int) -> dict[str, Any]:
    """What is measured at CENTRE alone: learned scores, placebo, ablation, clicks."""
    world = collection.world
    queries = [*world.train.tolist(), *world.test.tolist()]
    variants = {}
    for name, deep in world.deep.items():
        keyword = by_score(partial(candidates, collection, deep=None), deep, queries)
        both = by_score(partial(candidates, collection, deep=deep), deep, queries)
        variants[name] = {
            "S4": measures(collection, keyword),
            "S5": measures(collection, both),
            "auc": _auc(collection, name),
        }
    if noise != "random":
        return {"variants_confusable": variants}
    deep = world.deep[world.main]
    return {
        "variants": variants,
        "placebo": measures(collection, placebo(collection, deep, seed)),
        "ablation": {
            name: measures(collection, without(collection, deep, prefixes))["nDCG@10"]
            for name, prefixes in ABLATIONS.items()
        },
        "clicks": _clicks(collection, seed),
    }


def _clicks(collection: Collection, seed: int) -> dict[str, Any]:
    deep = collection.world.deep[collection.world.main]
    found: dict[str, Any] = {"sessions": SESSIONS, "head": head_queries(collection).tolist(), "own": {}}
    for clicker in CLICKERS:
        found["own"][clicker] = {
            name: _lists(own_log(collection, setting, deep, SIMULATORS[clicker], seed))
            for name, setting in FITTED.items()
        }
    common = common_log(collection, FITTED, deep, SIMULATORS[CLICKERS[0]], seed)
    found["common"] = {name: _lists(values) for name, values in common.items()}
    return found


def _lists(values: list[np.ndarray]) -> list[list[float]]:
    return [each.tolist() for each in values]


def _auc(collection: Collection, name: str) -> float:
    """Chance that the score puts a relevant keyword candidate above another one, mean over test queries."""
    world, deep, found = collection.world, collection.world.deep[name], []
    for query in world.test.tolist():
        rows = collection.lexical[query].rows
        scores = (deep.images[rows] @ deep.queries[query]).astype(np.float64)
        good = world.grades[query, rows] >= 1
        if good.any() and not good.all():
            found.append(auroc(scores[good], scores[~good]))
    return float(np.mean(found))


def refusal(world: World) -> dict[str, float]:
    """AUROC of the best standardised score: test queries against queries without a relevant image."""
    found = {}
    for name, deep in world.deep.items():
        best = [_best(deep, embedding) for embedding in (deep.queries[world.test], deep.unanswerable)]
        found[name] = auroc(best[0], best[1])
    return found


def _best(deep: Deep, embeddings: np.ndarray) -> np.ndarray:
    cosines = embeddings @ deep.images.T
    return np.array(
        [float(deep.bank.standardize(q, row).max()) for q, row in zip(embeddings, cosines, strict=True)]
    )
