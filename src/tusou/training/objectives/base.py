"""What every objective reads: scores of lists of images, their grades, and which of them are known."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Objective(Protocol):
    """A loss over lists: each row is a query, each column an image of its list.

    In a *grid* all rows share their columns (every image of the batch), so the transposed lists, images
    with their queries, are lists as well.
    """

    def __call__(self, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            scores: (rows, columns) float, higher is better.
            grades: (rows, columns) float, at least 0; 0 is not relevant.
            known: (rows, columns) bool; entries that are False (padding, masked false negatives) count for
                nothing.

        Returns:
            Scalar; 0 when no list can be learnt from.
        """
        ...


def symmetric(objective: Objective, scores: Tensor, grades: Tensor, known: Tensor) -> Tensor:
    """Mean of a loss over a grid and over its transpose: query to image, image to query."""
    return (objective(scores, grades, known) + objective(scores.T, grades.T, known.T)) / 2


def two_sides(grades: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, columns) bool, twice: what is known to be relevant, and what is known not to be."""
    return (grades > 0) & known, (grades <= 0) & known


def reduce(losses: Tensor, reduction: str) -> Tensor:
    """Mean or sum of the losses of lists; 0 for none."""
    return losses.sum() if reduction == "sum" or not len(losses) else losses.mean()


def relevant_first(scores: Tensor, grades: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The relevant images of each list, moved together: lists are long, what is relevant in them is little.

    Returns:
        Scores (rows, most), grades (rows, most) and which of them are real (rows, most), where ``most`` is
        the largest number of relevant images of a list.
    """
    relevant = (grades > 0) & known
    most = int(relevant.sum(1).max()) if len(relevant) else 0
    places = relevant.to(torch.int8).topk(most, dim=1).indices
    return scores.gather(1, places), grades.gather(1, places), relevant.gather(1, places)
