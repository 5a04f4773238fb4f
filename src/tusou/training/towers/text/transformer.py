"""A small Transformer encoder (Vaswani et al., NeurIPS 2017), normalised in front of each part."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tusou.errors import ConfigError, EncoderError
from tusou.training.towers.base import TextTower
from tusou.training.towers.options import check_choice
from tusou.training.towers.text.pooling import weighted_mean
from tusou.training.towers.text.words import Array, word_embedding

POSITIONS = ("sinusoidal", "learned")
POOLINGS = ("mean", "cls")
WAVELENGTH = 10_000.0
"""Longest wave of the sinusoidal positions, over 2 pi tokens."""


class _Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x))."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, visible: Tensor) -> Tensor:
        tokens = tokens + self.dropout(self._attend(self.attention_norm(tokens), visible))
        mixed: Tensor = tokens + self.dropout(self.mlp(tokens))
        return mixed

    def _attend(self, tokens: Tensor, visible: Tensor) -> Tensor:
        joined = self.query_key_value(tokens).unflatten(
            2, (3, self.heads, -1)
        )  # (batch, tokens, 3, heads, d)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        output: Tensor = self.attention_output(mixed.transpose(1, 2).flatten(2))
        return output


class Transformer(TextTower):
    """Word vectors plus positions through a few blocks, pooled over the words or read off a class vector."""

    positions: Tensor

    def __init__(
        self,
        words: nn.Embedding,
        *,
        layers: int,
        heads: int,
        positions: str,
        pooling: str,
        dropout: float,
        max_tokens: int,
    ) -> None:
        """Make the layers.

        Args:
            words: Word vectors; their length is the width.
            layers: Number of blocks.
            heads: Attention heads; they divide the width.
            positions: One of ``POSITIONS``.
            pooling: One of ``POOLINGS``.
            dropout: Share dropped behind each part.
            max_tokens: Longest text.
        """
        width = words.embedding_dim
        super().__init__(width)
        self.words = words
        waves = _waves(max_tokens, width)
        if positions == "learned":
            self.positions = nn.Parameter(waves)
        else:
            self.register_buffer("positions", waves)
        self.class_vector = nn.Parameter(torch.zeros(width)) if pooling == "cls" else None
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``TextTower.forward``; at most ``max_tokens`` tokens.

        Raises:
            EncoderError: A text is longer.
        """
        if not torch.onnx.is_in_onnx_export() and ids.shape[1] > len(self.positions):
            raise EncoderError(f"expected at most {len(self.positions)} tokens, got {ids.shape[1]}")
        # Unit-length word vectors would drown in positions whose numbers reach 1.
        tokens = self.words(ids) * math.sqrt(self.width) + self.positions[: ids.shape[1]]
        if self.class_vector is not None:
            first = self.class_vector.expand(ids.shape[0], 1, -1)
            tokens = torch.cat([first, tokens], dim=1)
            mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        tokens = self.dropout(tokens)
        visible = _visible(mask, tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, visible)
        tokens = self.norm(tokens)
        return tokens[:, 0] if self.class_vector is not None else weighted_mean(tokens, mask.to(tokens.dtype))


def build_transformer(
    *,
    vocabulary: int,
    width: int = 256,
    vectors: Array | None = None,
    trainable: bool = True,
    layers: int = 2,
    heads: int = 4,
    positions: str = "sinusoidal",
    pooling: str = "mean",
    dropout: float = 0.1,
    max_tokens: int = 64,
) -> Transformer:
    """A few attention layers.

    Args:
        vocabulary: Number of words.
        width: Length of a word vector and of ``text_features``.
        vectors: (vocabulary, width) initial vectors; None draws them at random.
        trainable: Whether the vectors learn.
        layers: Number of blocks.
        heads: Attention heads.
        positions: ``sinusoidal`` (fixed) or ``learned`` (they start as waves too).
        pooling: ``mean`` over the words or ``cls``, a vector put in front.
        dropout: 0 to 1.
        max_tokens: Longest text.

    Raises:
        ConfigError: A word that is not allowed, or heads that do not divide an even width.
    """
    check_choice("tower transformer: positions", positions, POSITIONS)
    check_choice("tower transformer: pooling", pooling, POOLINGS)
    if width % heads or width % 2:
        raise ConfigError(
            f"tower transformer: width = {width} must be even and a multiple of heads = {heads}"
        )
    words = word_embedding(vocabulary, width, vectors, trainable=trainable)
    return Transformer(
        words,
        layers=layers,
        heads=heads,
        positions=positions,
        pooling=pooling,
        dropout=dropout,
        max_tokens=max_tokens,
    )


def _waves(tokens: int, width: int) -> Tensor:
    """(tokens, width): sines in the even columns, cosines in the odd ones."""
    rates = WAVELENGTH ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(tokens)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def _visible(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, 1, 1, tokens) to add to attention scores; finite, so that a text without words gives no NaN."""
    return (1 - mask[:, None, None, :].to(dtype)) * torch.finfo(dtype).min / 2
