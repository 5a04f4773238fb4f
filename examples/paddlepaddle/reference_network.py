"""The reference network on PaddlePaddle 3: docs/concepts/reference-network.md has the formulas."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional
from paddle.nn.initializer import Constant, Normal


class ReferenceNetwork(paddle.nn.Layer):
    """Two fully connected layers with tanh and the difference of two scaled cosines.

    Its parameters have the names and shapes of ``tusou.training.reference``.

    Args:
        query_width: Length of a query feature.
        image_width: Length of an image feature.
        width: Length of the common space.
        scale: Of the cosines: 1.0 as in PaddlePaddle 0.10.0, 5.0 as in 0.9.0.
        shared_bias: One bias for both images; False gives each its own, as v1 did when only the weight was
            named.
    """

    def __init__(
        self,
        query_width: int = 100,
        image_width: int = 1000,
        width: int = 512,
        *,
        scale: float = 1.0,
        shared_bias: bool = True,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.query_weight = self._weight(query_width, width)
        self.image_weight = self._weight(image_width, width)
        self.query_bias = self._bias(width)
        if shared_bias:
            self.image_bias = self._bias(width)
        else:
            self.positive_bias, self.negative_bias = self._bias(width), self._bias(width)
        self._image_biases = ("image_bias",) * 2 if shared_bias else ("positive_bias", "negative_bias")

    def forward(self, query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """How much higher the positive image scores, (rows,); each input is (rows, features)."""
        left, right = (getattr(self, name) for name in self._image_biases)
        q = paddle.tanh(query @ self.query_weight + self.query_bias)
        p = paddle.tanh(positive @ self.image_weight + left)
        n = paddle.tanh(negative @ self.image_weight + right)
        margin = functional.cosine_similarity(q, p, eps=0.0) - functional.cosine_similarity(q, n, eps=0.0)
        return self.scale * margin

    def _weight(self, fan_in: int, width: int) -> Tensor:
        return self.create_parameter([fan_in, width], default_initializer=Normal(0.0, fan_in**-0.5))

    def _bias(self, width: int) -> Tensor:
        return self.create_parameter([width], default_initializer=Constant(0.0))


def rank_loss(margin: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Sum of ``log(1 + exp(margin)) - target · margin``: the pairwise rank cost of v1.

    Args:
        margin: (rows,), left score minus right score.
        target: (rows,), 1 when the left image should rank higher, 0 the right one, 0.5 neither.
        weight: (rows,) factor of each row.
    """
    return functional.binary_cross_entropy_with_logits(margin, target, weight=weight, reduction="sum")
