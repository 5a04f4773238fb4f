"""What every encoder offers: raw input to embedding, the same way for ingest, evaluation and queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tusou.types import Embeddings, Pixels


class Encoder(Protocol):
    """Both towers of one model bundle.

    Attributes:
        model_id: ``name-version`` of the bundle plus the first 8 hex digits of its manifest digest; keeps
            embeddings of different models apart.
        dim: Length of an embedding.
    """

    model_id: str
    dim: int

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed sentences or single words; returns (n, dim) float32, L2-normalised."""
        ...

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        """Embed upright sRGB pictures of any size; returns (n, dim) float32, L2-normalised."""
        ...


@runtime_checkable
class ScoringEncoder(Encoder, Protocol):
    """An encoder whose bundle may have a network that scores words and picture together."""

    @property
    def has_scorer(self) -> bool:
        """Whether it has one; without it the cosine is the score."""
        ...

    def score(self, query: Embeddings, images: Embeddings) -> npt.NDArray[np.float32]:
        """Score one query's embedding (dim,) with those of images (n, dim): (n,), higher is better."""
        ...
