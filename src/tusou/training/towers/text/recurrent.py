"""Words read one after the other: RNN (Elman 1990), LSTM (Hochreiter 1997), GRU (Cho 2014)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from tusou.training.towers.base import TextTower
from tusou.training.towers.options import check_choice
from tusou.training.towers.text.pooling import AttentionPool, masked_max, state_at, weighted_mean
from tusou.training.towers.text.words import Array, word_embedding

CELLS: dict[str, type[nn.RNN | nn.LSTM | nn.GRU]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
POOLINGS = ("last", "mean", "max", "attention")


class Recurrent(TextTower):
    """One layer in one or both directions, pooled.

    The backward direction reads each text from its own last word, so packed sequences, which do not export
    well, are not needed: what follows a state never reaches it.
    """

    def __init__(
        self,
        cell: str,
        words: nn.Embedding,
        hidden: int,
        *,
        bidirectional: bool,
        pooling: str,
        dropout: float,
    ) -> None:
        """Make the layers.

        Args:
            cell: One of ``CELLS``.
            words: Word vectors.
            hidden: Length of a state, in each direction.
            bidirectional: Read from both ends.
            pooling: One of ``POOLINGS``.
            dropout: Share of the word vectors' numbers and of the features that is dropped.
        """
        super().__init__(hidden * (2 if bidirectional else 1))
        self.words = words
        self.hidden = hidden
        self.pooling = pooling
        self.forwards = CELLS[cell](words.embedding_dim, hidden, batch_first=True)
        self.backwards = CELLS[cell](words.embedding_dim, hidden, batch_first=True) if bidirectional else None
        self.attention = AttentionPool(self.width) if pooling == "attention" else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``TextTower.forward``."""
        words = self.dropout(self.words(ids))
        states = self.forwards(words)[0]
        if self.backwards is not None:
            order = _reversal(mask)[..., None]
            reversed_states = self.backwards(words.gather(1, order.expand_as(words)))[0]
            states = torch.cat([states, reversed_states.gather(1, order.expand_as(reversed_states))], dim=2)
        features: Tensor = self.dropout(self._pool(states, mask))
        return features

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.attention is not None:
            pooled: Tensor = self.attention(states, mask)
            return pooled
        if self.pooling == "mean":
            return weighted_mean(states, mask.to(states.dtype))
        if self.pooling == "max":
            return masked_max(states, mask)
        length = mask.sum(dim=1)
        last = state_at(states[..., : self.hidden], (length - 1).clamp_min(0), mask)
        first = state_at(states[..., self.hidden :], torch.zeros_like(length), mask)
        return torch.cat([last, first], dim=1)


def _build(
    cell: str,
    *,
    vocabulary: int,
    dim: int | None = None,
    vectors: Array | None = None,
    trainable: bool = True,
    hidden: int = 512,
    bidirectional: bool = True,
    pooling: str = "max",
    dropout: float = 0.0,
) -> Recurrent:
    """One recurrent layer.

    Args:
        cell: One of ``CELLS``.
        vocabulary: Number of words.
        dim: Length of a word vector; None takes that of ``vectors``, else 100.
        vectors: (vocabulary, dim) initial vectors; None draws them at random.
        trainable: Whether the vectors learn.
        hidden: Length of a state, in each direction.
        bidirectional: Read from both ends; twice as many features.
        pooling: ``last`` state, ``mean``, ``max`` or ``attention`` over the states.
        dropout: 0 to 1.

    Raises:
        ConfigError: Another pooling, or vectors of another shape.
    """
    check_choice(f"tower {cell}: pooling", pooling, POOLINGS)
    words = word_embedding(vocabulary, dim, vectors, trainable=trainable)
    return Recurrent(cell, words, hidden, bidirectional=bidirectional, pooling=pooling, dropout=dropout)


build_rnn = partial(_build, "rnn")
build_lstm = partial(_build, "lstm")
build_gru = partial(_build, "gru")


def _reversal(mask: Tensor) -> Tensor:
    """(batch, tokens) int64: where each place is read from so that a text runs backwards; padding stays."""
    length = mask.sum(dim=1, keepdim=True)
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    return torch.where(places < length, length - 1 - places, places)
