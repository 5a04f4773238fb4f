"""Checked tables of words: initial vectors and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tusou.errors import ConfigError

Array = npt.NDArray[Any]

DEFAULT_DIM = 100


def word_embedding(
    vocabulary: int, dim: int | None, vectors: Array | None, *, trainable: bool = True
) -> nn.Embedding:
    """Make the table of word vectors.

    Args:
        vocabulary: Number of words.
        dim: Length of a vector; None takes that of ``vectors``, else ``DEFAULT_DIM``.
        vectors: (vocabulary, dim) initial vectors; None draws unit-length ones at random.
        trainable: Whether they learn.

    Raises:
        ConfigError: The shapes differ, or a vector is not finite.
    """
    if vectors is None:
        width = dim or DEFAULT_DIM
        table = nn.Embedding(vocabulary, width)
        nn.init.normal_(table.weight, std=width**-0.5)
    else:
        width = dim or vectors.shape[-1]
        table = nn.Embedding(vocabulary, width, _weight=_checked("vectors", vectors, (vocabulary, width)))
    return table.requires_grad_(trainable)


def word_weights(name: str, weights: Array, vocabulary: int) -> Tensor:
    """Check one weight for each word, (vocabulary,) float32.

    Raises:
        ConfigError: Another shape, or a weight is not finite.
    """
    return _checked(name, weights, (vocabulary,))


def _checked(name: str, values: Array, shape: tuple[int, ...]) -> Tensor:
    if values.shape != shape:
        raise ConfigError(f"{name}: expected shape {shape}, got {values.shape}")
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise ConfigError(f"{name}: row {int(np.argmin(finite))} is not finite")
    return torch.tensor(values, dtype=torch.float32)
