"""Forward and backward pass of the reference network.

::

    q = tanh(xq Wq + bq)                       query feature, 100 -> 512
    p = tanh(xp Wi + bp)                       image feature, 1000 -> 512, the same Wi for both images
    n = tanh(xn Wi + bn)                       bp and bn are one bias, or one each as in PaddlePaddle v1
    o = scale · cos(q, p) - scale · cos(q, n)
    loss = sum of weight · (log(1 + exp(o)) - P · o)

All gradients are written by hand; there is no automatic differentiation here to agree with itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.errors import TrainingError
from tusou.training.reference.cosine import cosine, cosine_gradients
from tusou.training.reference.rank_cost import V1_CLIP, rank_cost, rank_cost_gradient
from tusou.training.reference.types import Array, Batch, Parameters


@dataclass(frozen=True, slots=True)
class Activations:
    """What the forward pass keeps for the backward pass.

    Attributes:
        query: (rows, width), q.
        positive: (rows, width), p.
        negative: (rows, width), n.
        margin: (rows,), o.
        cost: (rows,), cost of each row, weight included.
    """

    query: Array
    positive: Array
    negative: Array
    margin: Array
    cost: Array

    @property
    def loss(self) -> float:
        """Sum over the rows, in the arrays' own precision."""
        return float(self.cost.sum())


@dataclass(frozen=True, slots=True)
class ReferenceNetwork:
    """The network's fixed choices; its weights are passed to every call.

    Attributes:
        scale: Of both cosines: 1.0 (PaddlePaddle 0.10.0 and later) or 5.0 (0.9.0).
        shared_bias: One bias for both images; False is what v1 does when only the weight is named.
        clip: Bound on o; None for none.
    """

    scale: float = 1.0
    shared_bias: bool = True
    clip: float | None = V1_CLIP

    @property
    def image_biases(self) -> tuple[str, str]:
        """Names of the positive and the negative image's bias."""
        return ("image_bias", "image_bias") if self.shared_bias else ("positive_bias", "negative_bias")

    def initial(
        self,
        seed: int,
        *,
        query_width: int = 100,
        image_width: int = 1000,
        width: int = 512,
        dtype: npt.DTypeLike = np.float64,
    ) -> Parameters:
        """Draw weights as v1 does: normal with deviation 1/sqrt(fan in), not truncated; biases zero.

        Args:
            seed: Equal seeds give equal weights, with every version of numpy (NEP 19, legacy stream).
            query_width: Length of a query feature.
            image_width: Length of an image feature.
            width: Length of the common space.
            dtype: Of every array; values are drawn in float64 and rounded.
        """
        random = np.random.RandomState(seed)

        def weight(fan_in: int) -> Array:
            drawn: Array = random.standard_normal((fan_in, width)) / np.sqrt(fan_in)
            return drawn.astype(dtype)

        matrices = {"query_weight": weight(query_width), "image_weight": weight(image_width)}
        biases = ("query_bias", *self.image_biases)
        return matrices | {name: np.zeros(width, dtype=dtype) for name in biases}

    def forward(self, parameters: Parameters, batch: Batch) -> Activations:
        """Compute scores and cost.

        Raises:
            TrainingError: Widths or row counts do not fit, or a side is a zero vector.
        """
        self._check(parameters, batch)
        positive_bias, negative_bias = self.image_biases
        query = _layer(batch.query, parameters["query_weight"], parameters["query_bias"])
        positive = _layer(batch.positive, parameters["image_weight"], parameters[positive_bias])
        negative = _layer(batch.negative, parameters["image_weight"], parameters[negative_bias])
        margin = cosine(query, positive, self.scale) - cosine(query, negative, self.scale)
        cost = rank_cost(margin, batch.target, self.clip)
        return Activations(query, positive, negative, margin, _weighted(cost, batch))

    def gradients(self, parameters: Parameters, batch: Batch) -> tuple[float, Parameters]:
        """Loss and its gradient with respect to every parameter, both summed over the batch.

        Raises:
            TrainingError: As forward().
        """
        seen = self.forward(parameters, batch)
        upstream = _weighted(rank_cost_gradient(seen.margin, batch.target, self.clip), batch)
        query_by_positive, positive = cosine_gradients(seen.query, seen.positive, self.scale, upstream)
        query_by_negative, negative = cosine_gradients(seen.query, seen.negative, self.scale, -upstream)
        query = _through_tanh(query_by_positive + query_by_negative, seen.query)
        positive = _through_tanh(positive, seen.positive)
        negative = _through_tanh(negative, seen.negative)
        found = {
            "query_weight": batch.query.T @ query,
            "image_weight": batch.positive.T @ positive + batch.negative.T @ negative,
            "query_bias": query.sum(axis=0),
        }
        return seen.loss, found | self._bias_gradients(positive.sum(axis=0), negative.sum(axis=0))

    def _bias_gradients(self, positive: Array, negative: Array) -> Parameters:
        if self.shared_bias:
            return {"image_bias": positive + negative}
        return {"positive_bias": positive, "negative_bias": negative}

    def _check(self, parameters: Parameters, batch: Batch) -> None:
        rows = len(batch)
        expected = {
            "query": (rows, len(parameters["query_weight"])),
            "positive": (rows, len(parameters["image_weight"])),
            "negative": (rows, len(parameters["image_weight"])),
            "target": (rows,),
        } | ({} if batch.weight is None else {"weight": (rows,)})
        for name, shape in expected.items():
            if (found := getattr(batch, name).shape) != shape:
                raise TrainingError(
                    f"{name}: expected {shape} for these weights, got {found}", reason="bad_shape"
                )


def _layer(features: Array, weight: Array, bias: Array) -> Array:
    output: Array = np.tanh(features @ weight + bias)
    return output


def _through_tanh(gradient: Array, output: Array) -> Array:
    """Gradient in front of tanh, given the one behind it and tanh's output."""
    return gradient * (1 - output * output)


def _weighted(values: Array, batch: Batch) -> Array:
    return values if batch.weight is None else values * batch.weight
