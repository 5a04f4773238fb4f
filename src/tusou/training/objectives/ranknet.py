"""Pairwise ranking by RankNet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from tusou.training.objectives.base import reduce, relevant_first


@dataclass(frozen=True)
class RankNet:
    """log(1 + exp(o)) - P o for every pair of a list, o the difference of its scores.

    P is 1 when the first image of the pair should rank higher, 0 when the second, 1/2 when they are alike
    (Burges et al., ICML 2005). With the better image first, P = 1 gives log(1 + exp(-o)). A list's loss is
    the sum over its pairs.

    Attributes:
        ties: Also count pairs of equal grade (P = 1/2), which draws their scores together; for short lists:
            every pair of a list is looked at.
        reduction: ``mean`` or ``sum`` over lists.
    """

    ties: bool = False
    reduction: str = "mean"

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """See ``base.Objective``."""
        better, grade, real = (each.unsqueeze(2) for each in relevant_first(scores, grades, known))
        counted = real & known.unsqueeze(1) & (grades.unsqueeze(1) < grade)
        losses = torch.where(counted, softplus(scores.unsqueeze(1) - better), 0).sum((1, 2))
        usable = counted.any(2).any(1)
        if self.ties:
            tied, has_ties = _ties(scores, grades, known)
            losses, usable = losses + tied, usable | has_ties
        return reduce(losses[usable], self.reduction)


def _ties(scores: Tensor, grades: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """(rows,) loss of the pairs of equal grade, and whether there are any."""
    first, second = torch.triu_indices(scores.shape[1], scores.shape[1], 1, device=scores.device)
    margin = scores[:, first] - scores[:, second]
    counted = known[:, first] & known[:, second] & (grades[:, first] == grades[:, second])
    return torch.where(counted, softplus(margin) - margin / 2, 0).sum(1), counted.any(1)
