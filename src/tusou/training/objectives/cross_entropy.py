"""Classification of images: cross-entropy over classes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class CrossEntropy:
    """- log softmax(scores) of the true class, with smoothed targets if wanted.

    Attributes:
        smoothing: Share of the target spread over all classes (Szegedy et al., CVPR 2016).
    """

    smoothing: float = 0.0

    def __call__(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss.

        Args:
            scores: (batch, classes).
            labels: (batch,) int64.
        """
        return cross_entropy(scores, labels, label_smoothing=self.smoothing)
