"""InfoNCE: the softmax over a batch, query to image and image to query."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from tusou.training.objectives.base import reduce, two_sides


@dataclass(frozen=True)
class InfoNCE:
    """- mean over the relevant images of log(exp(score) / (exp(score) + sum over the others of exp(score))).

    Several images may be relevant to a query of a batch (captions of one image drawn together): each is
    compared with the others only, so relevant images do not push each other away (as the outer sum of
    Khosla et al., NeurIPS 2020, with the other positives left out of the denominator).

    Attributes:
        reduction: ``mean`` or ``sum`` over lists.
    """

    reduction: str = "mean"

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """See ``base.Objective``."""
        relevant, other = two_sides(grades, known)
        rows = relevant.any(1) & other.any(1)
        scores, relevant, other = scores[rows], relevant[rows], other[rows]
        others = torch.logsumexp(scores.masked_fill(~other, -torch.inf), dim=1, keepdim=True)
        losses = torch.where(relevant, softplus(others - scores), 0)
        return reduce(losses.sum(1) / relevant.sum(1), self.reduction)
