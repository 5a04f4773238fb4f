"""Stand-ins for models, with a meaning, so that expected rankings can be worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tusou.types import Embeddings, Pixels

AXES: dict[str, tuple[tuple[int, int, int] | None, tuple[str, ...]]] = {
    "red": ((255, 0, 0), ("red", "rose", "红")),
    "green": ((0, 160, 0), ("green", "leaf", "绿")),
    "blue": ((0, 0, 255), ("blue", "sea", "蓝", "海")),
    "yellow": ((255, 255, 0), ("yellow", "sun", "黄", "太阳")),
    "white": ((255, 255, 255), ("white", "snow", "白", "雪")),
    "black": ((0, 0, 0), ("black", "night", "黑", "夜")),
    "grey": ((128, 128, 128), ("grey", "gray", "stone", "灰", "石")),
    "other": (None, ()),
}
"""Axis name to (its colour in pictures, its words in texts); ``other`` takes texts without a known word."""

COLORS = np.array([color for color, _ in AXES.values() if color is not None], dtype=np.float32)


class KeywordEncoder:
    """One axis per colour: words name it, pixels show it.

    A text is the normalised sum of the axes whose words it holds (``红色的海`` is red plus blue); a picture
    is the normalised vector of the shares its pixels give to the nearest colour. So the cosine of ``red``
    with a picture half red and half white is 1 / sqrt(2), and 0 with a wholly blue one.

    Attributes:
        text_calls: Texts of each call of encode_texts so far.
        image_calls: Number of pictures of each call of encode_images so far.
    """

    def __init__(self, model_id: str = "keyword-1-00000000") -> None:
        self.model_id = model_id
        self.dim = len(AXES)
        self.text_calls: list[tuple[str, ...]] = []
        self.image_calls: list[int] = []

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.text_calls.append(tuple(texts))
        return _stack([self._text(text) for text in texts], self.dim)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        self.image_calls.append(len(pixels))
        return _stack([self._image(picture) for picture in pixels], self.dim)

    def _text(self, text: str) -> Embeddings:
        lowered = text.lower()
        latin = set(re.findall(r"[a-z]+", lowered))
        axes = np.array(
            [any(_holds(word, lowered, latin) for word in words) for _, words in AXES.values()], np.float32
        )
        axes[-1] = not axes.any()
        return axes

    def _image(self, picture: Pixels) -> Embeddings:
        flat = picture.reshape(-1, 3).astype(np.float32)
        distances = ((flat[:, None, :] - COLORS[None]) ** 2).sum(axis=2)
        shares = np.bincount(distances.argmin(axis=1), minlength=self.dim)
        return shares.astype(np.float32)


def _holds(word: str, text: str, latin: set[str]) -> bool:
    return word in latin if word.isascii() else word in text


def _stack(rows: Sequence[Embeddings], dim: int) -> Embeddings:
    stacked = np.array(rows, dtype=np.float32).reshape(-1, dim)
    norms: Embeddings = np.linalg.norm(stacked, axis=1, keepdims=True)
    return stacked / norms


def solid(color: tuple[int, int, int], height: int = 32, width: int = 32) -> Pixels:
    """A picture of one colour."""
    return np.full((height, width, 3), color, dtype=np.uint8)


def striped(shares: dict[tuple[int, int, int], int], height: int = 32) -> Pixels:
    """A picture of vertical stripes, each as many pixels wide as given."""
    return np.concatenate([solid(color, height, width) for color, width in shares.items()], axis=1)
