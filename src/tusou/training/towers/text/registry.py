"""Every text tower by the name a configuration uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tusou.training.towers.base import TextTower
from tusou.training.towers.options import build_with, find_spec
from tusou.training.towers.text.bag_of_words import build_bag_of_words
from tusou.training.towers.text.cached import build_cached
from tusou.training.towers.text.onnx import OnnxTextTower, build_onnx
from tusou.training.towers.text.recurrent import build_gru, build_lstm, build_rnn
from tusou.training.towers.text.transformer import build_transformer
from tusou.training.towers.text.word_mean import build_word_mean


@dataclass(frozen=True)
class TextTowerSpec:
    """One text tower.

    Attributes:
        build: Makes it; its keyword arguments are the options of the configuration.
        description: One line.
        paper: Where it is from.
    """

    build: Callable[..., TextTower | OnnxTextTower]
    description: str
    paper: str = ""


TEXT_TOWERS: dict[str, TextTowerSpec] = {
    "bag_of_words": TextTowerSpec(build_bag_of_words, "One-hot words, summed, times a matrix"),
    "word_mean": TextTowerSpec(build_word_mean, "Mean of word vectors, plain or weighted", "Mikolov 2013"),
    "rnn": TextTowerSpec(build_rnn, "Simple recurrent network", "Elman 1990"),
    "lstm": TextTowerSpec(build_lstm, "Long short-term memory", "Hochreiter 1997"),
    "gru": TextTowerSpec(build_gru, "Gated recurrent unit", "Cho 2014"),
    "transformer": TextTowerSpec(build_transformer, "Small Transformer encoder", "Vaswani 2017"),
    "onnx": TextTowerSpec(build_onnx, "Any frozen ONNX sentence encoder; fills the feature cache"),
    "features": TextTowerSpec(build_cached, "Features cached before"),
}


def build_text_tower(name: str, **options: Any) -> TextTower | OnnxTextTower:
    """Build a text tower.

    Args:
        name: Its name in ``TEXT_TOWERS``.
        **options: Of its builder: ``vocabulary`` for all that read ids.

    Raises:
        ConfigError: No such tower or option, an option is missing, or a value is not allowed.
    """
    tower: TextTower | OnnxTextTower = build_with(find_spec(TEXT_TOWERS, "text", name), name, options)
    return tower
