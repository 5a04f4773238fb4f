"""Mean of word vectors, plain or weighted by inverse document frequency."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tusou.training.towers.base import TextTower
from tusou.training.towers.text.pooling import weighted_mean
from tusou.training.towers.text.words import Array, word_embedding, word_weights


class WordMean(TextTower):
    """sum(weight · vector) / sum(weight) over the words of a text; zeros for a text without words."""

    word_weights: Tensor

    def __init__(self, words: nn.Embedding, weights: Tensor | None) -> None:
        """Keep the table.

        Args:
            words: Word vectors.
            weights: (vocabulary,) weight of each word, not negative; None for ones.
        """
        super().__init__(words.embedding_dim)
        self.words = words
        self.register_buffer("word_weights", torch.ones(words.num_embeddings) if weights is None else weights)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``TextTower.forward``."""
        return weighted_mean(self.words(ids), self.word_weights[ids] * mask)


def build_word_mean(
    *,
    vocabulary: int,
    dim: int | None = None,
    vectors: Array | None = None,
    idf: Array | None = None,
    trainable: bool = True,
) -> WordMean:
    """Mean of word vectors.

    Args:
        vocabulary: Number of words.
        dim: Length of a word vector; None takes that of ``vectors``, else 100.
        vectors: (vocabulary, dim) initial vectors, such as Word2Vec's; None draws them at random.
        idf: (vocabulary,) inverse document frequencies for a weighted mean.
        trainable: Whether the vectors learn.

    Raises:
        ConfigError: Shapes differ or values are not finite.
    """
    weights = None if idf is None else word_weights("idf", idf, vocabulary)
    return WordMean(word_embedding(vocabulary, dim, vectors, trainable=trainable), weights)
