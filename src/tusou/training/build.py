"""From a checked configuration to the parts of a network: towers, heads, objective, batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tusou.errors import ConfigError
from tusou.training.config import ImageConfig, ObjectiveConfig, RunConfig, ScorerConfig
from tusou.training.data.batches import Batches, GridBatches, ListBatches, Relevance
from tusou.training.data.image_batches import ImageGridBatches
from tusou.training.objectives.base import Objective
from tusou.training.objectives.bce import BinaryCrossEntropy
from tusou.training.objectives.info_nce import InfoNCE
from tusou.training.objectives.ranknet import RankNet
from tusou.training.objectives.siglip import SigmoidPairs
from tusou.training.objectives.softmax import ListSoftmax
from tusou.training.objectives.triplet import Triplet
from tusou.training.scorers.base import Scorer
from tusou.training.scorers.concatenation import ConcatenationScorer
from tusou.training.scorers.embedding import EmbeddingScorer
from tusou.training.scorers.heads import Head
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.joined import calibrated
from tusou.training.towers.image.onnx import OnnxImageTower
from tusou.training.towers.image.registry import IMAGE_TOWERS, build_image_tower
from tusou.training.towers.weights import load_hub_weights, load_weights

OBJECTIVES: dict[str, Callable[[ObjectiveConfig], Objective]] = {
    "bce": lambda config: BinaryCrossEntropy(config.reduction),
    "softmax": lambda config: ListSoftmax(graded=False, reduction=config.reduction),
    "listwise": lambda config: ListSoftmax(graded=True, reduction=config.reduction),
    "ranknet": lambda config: RankNet(config.ties, config.reduction),
    "triplet": lambda config: Triplet(config.margin, hardest=False, reduction=config.reduction),
    "max_hinge": lambda config: Triplet(config.margin, hardest=True, reduction=config.reduction),
    "info_nce": lambda config: InfoNCE(config.reduction),
    "siglip": lambda config: SigmoidPairs(config.reduction),
    "cca": lambda config: InfoNCE(config.reduction),  # never stepped; combinations.py sees to it
}
"""Objective of each ``objective.type`` but ``cross_entropy``."""


def build_image(config: ImageConfig, **extra: Any) -> ImageTower | OnnxImageTower:
    """Build the image tower, fill in its weights, freeze what does not learn.

    Args:
        config: The table.
        **extra: Options the table leaves to the data (``classes``).

    Raises:
        ConfigError: No such tower or option, or weights that cannot be had.
        CheckpointMismatch: The weights belong to another network.
    """
    tower = build_image_tower(config.tower, **{**extra, **config.options})
    if config.weights and not isinstance(tower, ImageTower):
        raise ConfigError(f"image.weights: tower {config.tower!r} brings its own")
    if isinstance(tower, ImageTower) and config.weights == "hub":
        load_hub_weights(tower, _hub_name(config.tower))
    elif isinstance(tower, ImageTower) and config.weights:
        load_weights(tower, Path(config.weights))
    tower.freeze(config.train)
    return tower


def _hub_name(tower: str) -> str:
    if not IMAGE_TOWERS[tower].hub:
        raise ConfigError(f"image.weights = 'hub': torchvision has none for {tower!r}; name a file")
    return IMAGE_TOWERS[tower].hub


def build_scorer(config: ScorerConfig, image_width: int, text_width: int) -> Scorer:
    """Build heads and scorer for towers of these widths."""

    def head(width: int, *, negative_bias: bool = False) -> Head:
        return Head(
            width,
            config.dim,
            config.head,
            hidden=config.hidden,
            dropout=config.dropout,
            negative_bias=negative_bias,
        )

    heads = head(image_width, negative_bias=config.negative_bias == "separate"), head(text_width)
    cosine: dict[str, Any] = {
        "scale": config.scale,
        "learn_scale": config.learn_scale,
        "bias": config.bias,
        "learn_bias": config.learn_bias,
    }
    if config.type == "concatenation":
        return ConcatenationScorer(*heads, hidden=config.hidden, dropout=config.dropout, **cosine)
    return EmbeddingScorer(*heads, **cosine)


def build_batches(config: RunConfig, relevance: Relevance) -> Batches:
    """Build what draws the batches."""
    objective, size = config.objective, config.training.batch_size
    if objective.queries_per_image:
        return ImageGridBatches(relevance, size, objective.queries_per_image, config.seed)
    if objective.negatives == "in_batch":
        return GridBatches(relevance, size, config.seed)
    shown = objective.negatives == "shown"
    return ListBatches(relevance, size, objective.list_size, config.seed, shown_only=shown)


def learning_part(config: RunConfig, tower: ImageTower | OnnxImageTower) -> nn.Module:
    """What of the image tower reads the inputs: all of it, or the stages behind the cached trunk."""
    if isinstance(tower, OnnxImageTower):
        return nn.Identity()
    part = tower if config.image.train == "all" else tower.split(stages_behind_trunk(config, tower))[1]
    return part.to(memory_format=torch.channels_last)  # convolutions and their gradients: 1.5 times as fast


def stages_behind_trunk(config: RunConfig, tower: ImageTower | OnnxImageTower) -> int:
    """Stages behind the cached trunk: those that learn, and the one that is still to be calibrated."""
    learning = 0 if config.image.train == "none" else int(config.image.train)
    return max(learning, 1) if calibrated(tower) and not config.start_from else learning
