"""Bag of words: a one-hot vector for each word, summed, times a learned matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from tusou.errors import ConfigError
from tusou.training.towers.base import TextTower
from tusou.training.towers.options import check_choice
from tusou.training.towers.text.words import Array, word_embedding, word_weights

WEIGHTINGS = ("count", "binary", "tf_idf")


class BagOfWords(TextTower):
    """Sum over the words of weight · row of the matrix.

    With ``count`` a word counts as often as it occurs, with ``binary`` once, with ``tf_idf`` as often as it
    occurs times its inverse document frequency.
    """

    word_weights: Tensor

    def __init__(self, vocabulary: int, width: int, *, weighting: str, weights: Tensor | None) -> None:
        """Make the matrix.

        Args:
            vocabulary: Number of words.
            width: Length of ``text_features``.
            weighting: One of ``WEIGHTINGS``.
            weights: (vocabulary,) for each occurrence of a word; None for ones.
        """
        super().__init__(width)
        self.matrix = word_embedding(vocabulary, width, None)
        self.binary = weighting == "binary"
        self.register_buffer("word_weights", torch.ones(vocabulary) if weights is None else weights)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``TextTower.forward``."""
        if self.binary:
            mask = mask * _first_occurrence(ids)
        weights = self.word_weights[ids] * mask
        return torch.einsum("btw,bt->bw", self.matrix(ids), weights)


def build_bag_of_words(
    *, vocabulary: int, width: int = 512, weighting: str = "count", idf: Array | None = None
) -> BagOfWords:
    """One-hot words times a matrix.

    Args:
        vocabulary: Number of words.
        width: Length of ``text_features``.
        weighting: ``count``, ``binary`` or ``tf_idf``.
        idf: (vocabulary,) inverse document frequencies, for ``tf_idf`` only.

    Raises:
        ConfigError: Another weighting, or frequencies missing, unused or of another shape.
    """
    check_choice("tower bag_of_words: weighting", weighting, WEIGHTINGS)
    if (weighting == "tf_idf") != (idf is not None):
        raise ConfigError("tower bag_of_words: idf belongs to weighting = 'tf_idf', which needs it")
    weights = None if idf is None else word_weights("idf", idf, vocabulary)
    return BagOfWords(vocabulary, width, weighting=weighting, weights=weights)


def _first_occurrence(ids: Tensor) -> Tensor:
    """(batch, tokens) int64, 0 where the same id stands further left; padding behind hides none."""
    positions = torch.arange(ids.shape[1], device=ids.device)
    earlier = positions[None, :] < positions[:, None]
    repeated = (ids[:, :, None] == ids[:, None, :]) & earlier
    return 1 - repeated.long().amax(dim=2)
