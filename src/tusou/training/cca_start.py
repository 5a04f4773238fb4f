"""Set linear heads in closed form before (or instead of) training."""

from __future__ import annotations

import numpy as np
import torch

from tusou.training.cca import Head as Solution
from tusou.training.cca import fit_heads, moments
from tusou.training.config import ScorerConfig
from tusou.training.model import RelevanceModel
from tusou.training.relevance_task import SplitInputs, feature_rows
from tusou.training.scorers.heads import Head


def start_with_cca(model: RelevanceModel, train: SplitInputs, config: ScorerConfig) -> None:
    """Fit both linear heads on the features the towers give now.

    Args:
        model: Its heads are set.
        train: The training split; only queries with a relevant image count, each with all of these.
        config: Shrinkage and power.
    """
    images, texts = feature_rows(model, train)
    unfitted = getattr(model.text, "unfitted", 0)  # columns that are still zero
    texts = texts[:, : texts.shape[1] - unfitted]
    data = train.data
    relevant = data.grades > 0
    owners, items = data.query_of_entry[relevant], data.items[relevant]
    used, positions = np.unique(items, return_inverse=True)
    solved = fit_heads(
        moments(images[used], texts[owners], positions),
        config.dim,
        config.image_shrinkage,
        config.text_shrinkage,
        config.power,
    )
    for head, solution in zip((model.scorer.image_head, model.scorer.text_head), solved, strict=True):
        _set(head, solution)


def _set(head: Head, solution: Solution) -> None:
    """Fill a head; columns the solution does not know are passed on as they are."""
    known = len(solution.matrix)
    with torch.no_grad():
        weight = head.linear.weight
        weight[:, :known] = torch.from_numpy(solution.matrix.T)
        weight[:, known:] = torch.eye(*weight[:, known:].shape)
        head.linear.bias.copy_(torch.from_numpy(solution.bias))
