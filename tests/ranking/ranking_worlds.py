"""Judged candidates whose right order is known, for tests of rankers."""

from __future__ import annotations

import numpy as np

from tusou.ranking.learn.data import JudgedCandidates

NAMES = ("bm25f", "dense_similarity", "quality", "sharpness")


def judged(queries: int = 60, each: int = 20, seed: int = 0, noise: float = 0.3) -> JudgedCandidates:
    """Grades follow bm25f and twice dense_similarity; quality is noise, sharpness speaks against."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(queries * each, len(NAMES)))
    worth = features @ [1.0, 2.0, 0.0, -0.5] + noise * rng.normal(size=len(features))
    grades = np.digitize(worth, [0.5, 2.0, 3.0])
    features[rng.random(features.shape) < 0.02] = np.nan
    return JudgedCandidates(NAMES, features, grades, np.repeat(np.arange(queries), each))


def mean_ndcg(scores: np.ndarray, data: JudgedCandidates, k: int = 10) -> float:
    """Mean nDCG@k over the queries that have a relevant row."""
    from tusou.evaluation.ndcg import ndcg

    found = [
        ndcg(data.grades[rows][np.argsort(-scores[rows], kind="stable")], data.grades[rows], k)
        for rows in data.each_query()
        if data.grades[rows].max() > 0
    ]
    return float(np.mean(found))
