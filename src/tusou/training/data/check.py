"""What is in a data set, in figures for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.training.data.letor import LetorData
from tusou.training.data.reading import Data
from tusou.training.data.relevance import ClassData, Positions, RelevanceData
from tusou.training.data.splits import NO_PAIRS, Leak, find_leaks

PERCENTILES = (1, 25, 50, 75, 99)
_LEAKS_KEPT = 1000


def describe(data: Data, near_duplicates: Positions | None = None) -> dict[str, Any]:
    """Figures of a data set, ready for JSON; what does not apply to its kind is left out.

    Args:
        data: What to describe.
        near_duplicates: (pairs, 2) positions, as near_duplicate_pairs finds them; None when not looked for.
    """
    if isinstance(data, LetorData):
        return _describe_letor(data)
    if isinstance(data, ClassData):
        return _describe_classes(data)
    return _describe_relevance(data, near_duplicates)


def _describe_relevance(data: RelevanceData, near_duplicates: Positions | None) -> dict[str, Any]:
    leaks = find_leaks(data, NO_PAIRS if near_duplicates is None else near_duplicates)
    return {
        "images": len(data.pictures),
        "images_without_query": len(data.pictures) - len(np.unique(data.items)),
        "images_per_split": _counts(data.splits),
        "queries": len(data.queries),
        "queries_per_language": _counts(data.languages),
        "queries_per_split": _counts(data.splits[i] for i in data.items[data.offsets[:-1]]),
        "distinct_queries": len(set(data.queries)),
        "list_length": _percentiles(np.diff(data.offsets)),
        "grades": _counts(f"{grade:g}" for grade in data.grades),
        "query_length": _query_lengths(data),
        "near_duplicates": None if near_duplicates is None else len(near_duplicates),
        "leaks": {
            "count": len(leaks),
            "per_kind": _counts(leak.kind for leak in leaks),
            "first": [_leak(leak) for leak in leaks[:_LEAKS_KEPT]],
        },
    }


def _describe_classes(data: ClassData) -> dict[str, Any]:
    labels = np.bincount(data.labels, minlength=len(data.class_names)).tolist()
    described: dict[str, Any] = {
        "images": len(data),
        "images_per_split": _counts(data.splits),
        "classes": len(data.class_names),
        "images_per_class": dict(zip(data.class_names, labels, strict=True)),
    }
    return described if data.pixels is None else described | {"shape": list(data.pixels.shape[1:])}


def _describe_letor(data: LetorData) -> dict[str, Any]:
    flat = np.flatnonzero(data.features.min(axis=0) == data.features.max(axis=0))
    return {
        "rows": len(data.grades),
        "features": data.features.shape[1],
        "constant_features": (flat + 1).tolist(),
        "queries": len(data.query_ids),
        "queries_per_split": _counts(data.splits),
        "list_length": _percentiles(np.diff(data.offsets)),
        "grades": _counts(f"{grade:g}" for grade in data.grades),
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    """Value to how often it occurs, the most frequent first; ``-`` for an empty one."""
    return {value or "-": count for value, count in Counter(values).most_common()}


def _percentiles(values: npt.NDArray[np.int64]) -> dict[str, float]:
    found = np.percentile(values, (0, *PERCENTILES, 100))
    names = ("min", *(f"p{p}" for p in PERCENTILES), "max")
    return {name: round(float(value), 1) for name, value in zip(names, found, strict=True)}


def _query_lengths(data: RelevanceData) -> dict[str, dict[str, float]]:
    """Language to percentiles: characters of Chinese, words of everything else."""
    lengths: dict[str, list[int]] = {}
    for query, language in zip(data.queries, data.languages, strict=True):
        length = len(query) if language == "zh" else len(query.split())
        lengths.setdefault(language or "-", []).append(length)
    return {language: _percentiles(np.array(values)) for language, values in lengths.items()}


def _leak(leak: Leak) -> dict[str, Any]:
    return {"kind": leak.kind, "splits": leak.splits, "images": leak.keys, "text": leak.text}
