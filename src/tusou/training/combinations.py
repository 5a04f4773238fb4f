"""Which parts of a configuration make sense together, and why not."""

from __future__ import annotations

from collections.abc import Iterator

from tusou.training.config import RunConfig

FROZEN_TOWERS = frozenset({"onnx"})
"""Towers of both sides that only feed the cache."""

CACHED_TOWERS = frozenset({"features"})
"""Towers that pass cached rows on: parts of a run, not of a configuration."""

VECTOR_TOWERS = frozenset({"word_mean", "rnn", "lstm", "gru", "transformer"})
"""Text towers that can start from word vectors."""

IDF_TOWERS = frozenset({"word_mean", "bag_of_words"})

LARGEST_JOINED_BATCH = 512
"""A concatenation scorer's network sees every pair of an in_batch grid: batch squared."""


def combination_problems(config: RunConfig) -> list[str]:
    """Every reason why the parts of a configuration do not fit together; empty when they do."""
    return [*_classes(config), *_lists(config), *_towers(config), *_scorer(config)]


def _classes(config: RunConfig) -> Iterator[str]:
    classes = config.scorer.type == "classes"
    if classes != (config.objective.type == "cross_entropy"):
        yield (
            "objective.type = 'cross_entropy' belongs to scorer.type = 'classes' and to no other: it learns "
            "classes of images, the other objectives learn lists of images for queries"
        )
    if classes and config.text is not None:
        yield "text: scorer.type = 'classes' reads no queries; leave the table out"
    if not classes and config.text is None:
        yield "text: missing; queries need a text tower"
    if config.image.augment == "digits" and not classes:
        yield "image.augment = 'digits' moves 28 x 28 digits of classes; take 'photo'"
    if config.image.augment == "photo" and classes:
        yield "image.augment = 'photo' alters photos of queries; take 'digits' for classes"


def _lists(config: RunConfig) -> Iterator[str]:
    objective = config.objective
    grid = objective.negatives == "in_batch"
    if objective.queries_per_image and not grid:
        yield "objective.queries_per_image needs objective.negatives = 'in_batch'"
    if objective.symmetric and not grid:
        yield "objective.symmetric needs objective.negatives = 'in_batch': other lists share no images"
    if objective.type in ("info_nce", "siglip") and not grid:
        yield (
            f"objective.type = {objective.type!r} is a loss over a batch: it needs objective.negatives = "
            "'in_batch'; for lists take 'softmax' or 'bce'"
        )
    if objective.ties and (objective.type != "ranknet" or grid):
        yield "objective.ties belongs to objective.type = 'ranknet' with lists, not in_batch"
    if objective.ties and objective.list_size > 64:
        yield "objective.ties looks at every pair of a list: objective.list_size may be at most 64"
    if objective.type == "siglip" and not config.scorer.learn_bias:
        yield "objective.type = 'siglip' needs scorer.learn_bias = true (start: scorer.bias = -10)"


def _towers(config: RunConfig) -> Iterator[str]:
    image, text = config.image, config.text
    for side, tower in (("image", image.tower), ("text", text.tower if text else "")):
        if tower in CACHED_TOWERS:
            yield f"{side}.tower = {tower!r}: a run caches features by itself; name the tower that makes them"
    if image.tower in FROZEN_TOWERS and image.train != "none":
        yield f"image.train: tower {image.tower!r} cannot learn (no gradients); set image.train = 'none'"
    if image.views > 1 and image.train == "all":
        yield "image.views are cached views for frozen stages; a tower that learns as a whole takes augment"
    if image.augment != "none" and image.train != "all":
        yield "image.augment is for a tower that learns as a whole; frozen stages take image.views"
    if text is None:
        return
    if text.words and text.tower != "onnx":
        yield "text.words stands beside the features of a frozen encoder: it needs text.tower = 'onnx'"
    if text.vectors and text.tower not in VECTOR_TOWERS:
        yield f"text.vectors: tower {text.tower!r} reads none; these do: {', '.join(sorted(VECTOR_TOWERS))}"
    if text.idf and text.tower not in IDF_TOWERS:
        yield f"text.idf: tower {text.tower!r} weighs no words; these do: {', '.join(sorted(IDF_TOWERS))}"


def _scorer(config: RunConfig) -> Iterator[str]:
    scorer, objective = config.scorer, config.objective
    frozen = config.image.train == "none" and config.text is not None and config.text.tower in FROZEN_TOWERS
    if objective.type == "cca" and not (scorer.start == "cca" and config.training.epochs == 0):
        yield "objective.type = 'cca' has no steps: set scorer.start = 'cca' and training.epochs = 0"
    if scorer.start == "cca":
        if scorer.head not in ("linear", "residual") or scorer.type == "classes":
            yield "scorer.start = 'cca' sets linear heads: take scorer.head = 'linear' or 'residual'"
        if scorer.negative_bias == "separate":
            yield "scorer.start = 'cca' knows one bias: set scorer.negative_bias = 'shared'"
    if objective.type == "cca" and scorer.type == "concatenation":
        yield "objective.type = 'cca' sets heads, not the network of a concatenation scorer: take 'embedding'"
    if objective.type == "cca" and not frozen:
        yield "objective.type = 'cca' reads features as they are: both towers must be frozen"
    if scorer.negative_bias == "separate" and (objective.negatives == "in_batch" or objective.list_size != 2):
        yield "scorer.negative_bias = 'separate' needs lists of two: one image and its negative"
    if scorer.negative_bias == "separate" and scorer.head not in ("linear", "tanh"):
        yield "scorer.negative_bias = 'separate' needs scorer.head = 'linear' or 'tanh'"
    if (
        scorer.type == "concatenation"
        and objective.negatives == "in_batch"
        and config.training.batch_size > LARGEST_JOINED_BATCH
    ):
        yield (
            f"training.batch_size: a concatenation scorer in_batch reads batch squared pairs; at most "
            f"{LARGEST_JOINED_BATCH}"
        )
