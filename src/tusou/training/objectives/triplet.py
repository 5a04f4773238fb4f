"""Pairwise ranking by hinges: every relevant image above every other one by a margin."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tusou.training.objectives.base import reduce, relevant_first, two_sides


@dataclass(frozen=True)
class Triplet:
    """max(0, margin - score of a relevant image + score of one that is not), mean over the relevant images.

    Attributes:
        margin: In units of the score.
        hardest: Count only the highest scored image that is not relevant (max-hinge, "VSE++", Faghri et al.,
            BMVC 2018); otherwise the sum over all of them.
        reduction: ``mean`` or ``sum`` over lists.
    """

    margin: float = 0.2
    hardest: bool = False
    reduction: str = "mean"

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """See ``base.Objective``."""
        relevant, others = two_sides(grades, known)
        rows = relevant.any(1) & others.any(1)
        scores, others = scores[rows], others[rows]
        positive, _, real = relevant_first(scores, grades[rows], known[rows])
        if self.hardest:
            # argmax and gather: the gradient of amax would be shared among ties, and is slower
            place = scores.detach().masked_fill(~others, -torch.inf).argmax(1, keepdim=True)
            scores, others = scores.gather(1, place), others.gather(1, place)
        hinges = (self.margin - positive.unsqueeze(2) + scores.unsqueeze(1)).clamp(min=0)
        losses = torch.where(real.unsqueeze(2) & others.unsqueeze(1), hinges, 0).sum((1, 2))
        return reduce(losses / real.sum(1), self.reduction)
