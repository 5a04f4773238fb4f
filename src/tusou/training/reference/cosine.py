"""Scaled cosine of paired rows, with its gradient (reference network)."""

from __future__ import annotations

import numpy as np

from tusou.errors import TrainingError
from tusou.training.reference.types import Array


def cosine(left: Array, right: Array, scale: float) -> Array:
    """``scale · <a, b> / (‖a‖ ‖b‖)`` of row i of both, without an epsilon.

    Args:
        left: (rows, width).
        right: (rows, width).
        scale: 1.0 from PaddlePaddle 0.10.0 on, 5.0 before.

    Returns:
        (rows,), between -scale and scale.

    Raises:
        TrainingError: A row is zero, so that it points nowhere (the 2017 program aborted here).
    """
    return scale * _dots(left, right) / (_norms(left, "left") * _norms(right, "right"))


def cosine_gradients(left: Array, right: Array, scale: float, upstream: Array) -> tuple[Array, Array]:
    """Gradients of ``sum(upstream · cosine(left, right, scale))``.

    d cos(a, b) / da = b / (‖a‖ ‖b‖) - cos(a, b) a / ‖a‖². The 2017 kernel divides by the dot product and so
    needs a special case where that is 0; this form has the same values and needs none.

    Args:
        left: (rows, width).
        right: (rows, width).
        scale: As in cosine.
        upstream: (rows,), gradient of the loss with respect to each cosine.

    Returns:
        Gradients with respect to left and right, each (rows, width).

    Raises:
        TrainingError: A row is zero.
    """
    left_norm, right_norm = _norms(left, "left")[:, None], _norms(right, "right")[:, None]
    a, b = left / left_norm, right / right_norm
    similarity = _dots(a, b)[:, None]
    factor = scale * upstream[:, None]
    return factor * (b - similarity * a) / left_norm, factor * (a - similarity * b) / right_norm


def _dots(left: Array, right: Array) -> Array:
    dots: Array = (left * right).sum(axis=1)
    return dots


def _norms(rows: Array, side: str) -> Array:
    norms: Array = np.sqrt((rows * rows).sum(axis=1))
    zero = np.flatnonzero(norms == 0)
    if len(zero):
        raise TrainingError(
            f"row {zero[0]} of the {side} side is a zero vector, whose cosine is not defined "
            f"({len(zero)} of {len(rows)} rows): drop that row, or give it a feature that is not all zero",
            reason="zero_vector",
        )
    return norms
