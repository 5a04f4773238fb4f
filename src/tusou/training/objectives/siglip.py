"""The pairwise sigmoid loss: every pair of a batch is a yes or no of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from tusou.training.objectives.base import reduce


@dataclass(frozen=True)
class SigmoidPairs:
    """- sum over a list of log sigmoid(z score), z = 1 for relevant images and -1 for the others.

    SigLIP (Zhai et al., ICCV 2023). The score holds a learnt scale and bias; the bias starts low (-10),
    because nearly all pairs are no.

    Attributes:
        reduction: ``mean`` or ``sum`` over lists.
    """

    reduction: str = "mean"

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """See ``base.Objective``."""
        signs = torch.where(grades > 0, 1.0, -1.0).to(scores.dtype)
        losses = torch.where(known, -logsigmoid(signs * scores), 0).sum(1)
        return reduce(losses[known.any(1)], self.reduction)
