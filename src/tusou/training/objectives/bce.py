"""Pointwise classification: is this image relevant to this query?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from tusou.training.objectives.base import reduce, two_sides


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """- log P of relevant images, - log(1 - P) of the others, P = sigmoid(score).

    Both sides of a list weigh the same, however long the list is: otherwise the many images that are not
    relevant drown the one that is. A list of one side only counts half.

    Attributes:
        reduction: ``mean`` or ``sum`` over lists.
    """

    reduction: str = "mean"

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """See ``base.Objective``."""
        relevant, other = two_sides(grades, known)
        losses = binary_cross_entropy_with_logits(scores, relevant.to(scores.dtype), reduction="none")
        sides = [_mean_over(losses, side) for side in (relevant, other)]
        lists = known.any(1)
        return reduce(torch.stack(sides).sum(0)[lists] / 2, self.reduction)


def _mean_over(losses: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, losses, 0).sum(1) / chosen.sum(1).clamp(min=1)
