"""Pictures of a fitted ranker: how much each feature counts, and how the score moves with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tusou.ranking.files import LearnedRanker
from tusou.ranking.learn.data import JudgedCandidates

DRAWN = 8
"""Features whose dependence is drawn, the most important ones."""

GRID = 25
SAMPLE = 2000
"""Candidates a dependence is the mean of."""

Values = np.ndarray


def partial_dependence(
    ranker: LearnedRanker, data: JudgedCandidates, name: str, seed: int = 0
) -> tuple[Values, Values]:
    """Mean score when one feature has a value and all others stay as they are (Friedman, 2001).

    Args:
        ranker: Fitted.
        data: Candidates; the values tried are quantiles of the feature among them.
        name: The feature.
        seed: Draws SAMPLE candidates where there are more.

    Returns:
        Values, ascending, and the mean score at each, both (k,); empty when the feature is never known.
    """
    column = data.names.index(name)
    known = data.features[~np.isnan(data.features[:, column]), column]
    if not len(known):
        return np.empty(0), np.empty(0)
    grid = np.unique(np.quantile(known, np.linspace(0, 1, GRID)))
    rng = np.random.default_rng(seed)
    rows = data.features[rng.permutation(len(data.features))[:SAMPLE]]
    means = []
    for value in grid:
        rows[:, column] = value
        means.append(float(ranker.scores(rows).mean()))
    return grid, np.array(means)


def draw_ranker(
    ranker: LearnedRanker, data: JudgedCandidates, importances: Sequence[tuple[str, float]], path: Path
) -> None:
    """Draw importances and the partial dependence of the most important features.

    Args:
        ranker: Fitted.
        data: Candidates it was fitted to.
        importances: Feature and weight or share of the trees' gain, most important first.
        path: PNG file.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13, 7), layout="constrained")
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1, 2))).tolist()
    bars = left.subplots()
    shown = [pair for pair in importances if pair[1]][::-1]
    bars.barh([name for name, _ in shown], [value for _, value in shown], color="tab:gray")
    bars.set(title="weight" if ranker.name == "linear" else "share of the trees' gain")
    cells = right.subplots(2, DRAWN // 2, sharey=True).ravel()
    for axis, (name, _) in zip(cells, importances, strict=False):
        values, means = partial_dependence(ranker, data, name)
        axis.plot(values, means, marker=".", color="tab:red")
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    for axis in cells[len(importances) :]:
        axis.axis("off")
    right.supylabel("mean score")
    figure.savefig(path, dpi=90)
    plt.close(figure)
