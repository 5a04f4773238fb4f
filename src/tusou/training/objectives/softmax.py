"""Classification over the list, and its listwise form with grades."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tusou.training.objectives.base import reduce


@dataclass(frozen=True)
class ListSoftmax:
    """Cross-entropy between softmax(scores) and the share of each image in the list's gain.

    loss(list) = - sum over images of gain / total gain * log softmax(scores)

    ListNet's top-one probability (Cao et al., ICML 2007) with gains as in nDCG. With binary gains it is
    classification over the list: "which of these is the relevant one?". A list whose gains are all alike
    teaches nothing and is left out.

    Attributes:
        graded: Gain 2^grade - 1; otherwise 1 for every relevant image.
        reduction: ``mean`` or ``sum`` over lists.
    """

    graded: bool = False
    reduction: str = "mean"

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """See ``base.Objective``."""
        gains = torch.exp2(grades) - 1 if self.graded else (grades > 0).to(scores.dtype)
        best = gains.masked_fill(~known, -torch.inf).amax(1)
        worst = gains.masked_fill(~known, torch.inf).amin(1)
        rows = worst < best
        scores, known = scores[rows], known[rows]
        gains = torch.where(known, gains[rows], 0)
        logs = torch.log_softmax(scores.masked_fill(~known, -torch.inf), dim=1)
        terms = torch.where(gains > 0, gains * logs, 0).sum(1)
        return reduce(-terms / gains.sum(1), self.reduction)
