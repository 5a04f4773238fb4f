"""From a configuration to a task ready to be trained: read, split, cache, build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from tusou.encoders.tokenizers_base import TokenReader
from tusou.encoders.tokenizers_words import WordReader
from tusou.errors import ConfigError, DataError
from tusou.models.manifest import WordsTokenizer
from tusou.text.word_files import load_word_vectors
from tusou.training.build import (
    OBJECTIVES,
    build_batches,
    build_image,
    build_scorer,
    learning_part,
    stages_behind_trunk,
)
from tusou.training.caching import cache_images, cache_texts, image_input
from tusou.training.cca_start import start_with_cca
from tusou.training.class_task import ClassImages, ClassTask
from tusou.training.config import DataConfig, RunConfig, TextConfig
from tusou.training.data.batches import Relevance
from tusou.training.data.digest import data_digest
from tusou.training.data.inputs import (
    CachedImages,
    CachedTexts,
    CachedTextsWithTokens,
    ImageInputs,
    PixelImages,
    TextInputs,
    TokenTexts,
)
from tusou.training.data.inspection import Inspection
from tusou.training.data.near_duplicates import near_duplicate_pairs
from tusou.training.data.pruning import of_split
from tusou.training.data.reading import Data, read_data
from tusou.training.data.relevance import ClassData, Positions, RelevanceData
from tusou.training.data.splits import split_relevance
from tusou.training.data.vocabulary import Vocabulary, build_vocabulary
from tusou.training.distributed import Processes
from tusou.training.inspected import duplicates_within, inspected
from tusou.training.model import ClassModel, RelevanceModel
from tusou.training.objectives.cross_entropy import CrossEntropy
from tusou.training.relevance_task import ENCODE_BATCH, RelevanceOptions, RelevanceTask, SplitInputs
from tusou.training.start_from import copy_image_tower, copy_text_and_scorer, token_places_of
from tusou.training.task import Task
from tusou.training.towers.base import ImageTower, TextTower
from tusou.training.towers.image.efficientnet_lite import calibrate
from tusou.training.towers.image.joined import calibrated
from tusou.training.towers.image.onnx import OnnxImageTower
from tusou.training.towers.text.cached import build_cached
from tusou.training.towers.text.onnx import OnnxTextTower
from tusou.training.towers.text.registry import build_text_tower
from tusou.training.towers.text.sentence_words import SentenceWords, token_places

Report = Callable[[str, float], None]
"""Called with what is being done and the part done, 0 to 1."""

Splits = dict[str, RelevanceData]


@dataclass(frozen=True)
class Prepared:
    """A task and what an export needs beside its model.

    Attributes:
        task: Ready to be trained.
        data: What the run was made from, for its record.
        image_tower: The whole image tower, frozen trunk included.
        text_tower: The whole text tower; None for classes.
        vocabulary: Words of a text tower that reads words; None for a frozen encoder and for classes.
        reader: Tokenizer of the text tower; None for classes.
    """

    task: Task
    data: dict[str, Any]
    image_tower: ImageTower | OnnxImageTower
    text_tower: TextTower | OnnxTextTower | None = None
    vocabulary: Vocabulary | None = None
    reader: TokenReader | None = None


def _silent(_what: str, _part: float) -> None:
    """Nobody watches."""


def prepare(
    config: RunConfig,
    processes: Processes = Processes(),  # noqa: B008 - frozen
    report: Report = _silent,
    *,
    start: bool = True,
) -> Prepared:
    """Read the data, fill the caches and build the task.

    Args:
        config: Checked.
        processes: Those of the run; the leading one fills the caches.
        report: See Report.
        start: Give heads and calibrated stages their start; a run whose weights are loaded needs none.

    Raises:
        DataError: The data cannot be used, or is not of the kind the scorer learns.
        ConfigError: A tower's options do not fit.
    """
    data = read_data(config.data.source, config.data.format or None, languages=config.data.languages)
    if isinstance(data, ClassData) and config.scorer.type == "classes":
        return _prepare_classes(config, data, processes)
    if isinstance(data, RelevanceData) and config.scorer.type != "classes":
        return _prepare_relevance(config, data, processes, report, start=start)
    wanted = "classes of images" if config.scorer.type == "classes" else "queries with lists of images"
    raise DataError(
        f"{config.data.source} does not hold {wanted}, which scorer.type = {config.scorer.type!r} learns",
        reason="wrong_kind",
    )


def _prepare_classes(config: RunConfig, data: ClassData, processes: Processes) -> Prepared:
    if data.pixels is None:
        raise DataError("classes are learnt from arrays of pixels (npz, idx) so far", reason="wrong_kind")
    tower = build_image(config.image)
    if not isinstance(tower, ImageTower):
        raise ConfigError("image.tower: classes need a tower that learns")
    splits = {}
    for name, split in (("train", config.data.train), ("dev", config.data.dev)):
        part = of_split(data, split)
        assert isinstance(part, ClassData)
        augment = name == "train" and config.image.augment == "digits"
        splits[name] = (ClassImages(part, tower.mean, tower.std, augment=augment), part.labels)
    model = ClassModel(
        tower, tower.width, len(data.class_names), config.scorer.dropout, precision=config.training.precision
    )
    objective = CrossEntropy(config.objective.smoothing)
    task = ClassTask(model, objective, splits, config.training.batch_size, config.seed, processes)
    return Prepared(task, _record(config.data, data), tower)


def _prepare_relevance(
    config: RunConfig, data: RelevanceData, processes: Processes, report: Report, *, start: bool
) -> Prepared:
    data, found = processes.lead_first(
        lambda: inspected(data, config.data.cache, lambda part: report("looking at the pictures", part))
    )
    splits = split_data(config.data, data, near_duplicate_pairs(found), config.seed)
    tower = build_image(config.image)
    if config.start_from:
        copy_image_tower(config.start_from, tower)
    images = _images(config, tower, splits, processes, report)
    text_tower, texts, vocabulary = _texts(config, splits, processes, report)
    learning = learning_part(config, tower)
    if start and not config.start_from and calibrated(tower) and config.image.train != "all":
        _calibrate(tower, learning, images["train"], len(splits["train"].pictures))
    text_part = _text_part(config, text_tower, texts["train"])
    scorer = build_scorer(config.scorer, tower.width, text_part.width)
    model = RelevanceModel(
        learning,
        text_part,
        scorer,
        fixed_norms=config.image.train != "all",
        precision=config.training.precision,
    )
    inputs = {name: SplitInputs(splits[name], images[name], texts[name]) for name in splits}
    if start and config.scorer.start == "cca":
        start_with_cca(model, inputs["train"], config.scorer)
    elif start and config.start_from:
        copy_text_and_scorer(config.start_from, model)
    task = RelevanceTask(
        model,
        OBJECTIVES[config.objective.type](config.objective),
        build_batches(config, Relevance(splits["train"], _duplicates(data, found, splits["train"]))),
        inputs["train"],
        inputs["dev"],
        _options(config),
        processes,
    )
    assert config.text is not None
    reader = (text_tower.reader if isinstance(text_tower, OnnxTextTower) else None) or word_reader(
        _known(vocabulary), config.text
    )
    return Prepared(task, _record(config.data, data), tower, text_tower, vocabulary, reader)


def _known(vocabulary: Vocabulary | None) -> Vocabulary:
    assert vocabulary is not None, "a tower that reads words has a vocabulary"
    return vocabulary


def _text_part(config: RunConfig, tower: TextTower | OnnxTextTower, train: TextInputs) -> TextTower:
    """What of the text tower learns: all of it, nothing, or rows beside a frozen encoder."""
    if isinstance(tower, TextTower):
        return tower
    if not isinstance(train, CachedTextsWithTokens):
        return build_cached(width=tower.width)
    assert config.text is not None
    place = token_places_of(config.start_from) if config.start_from else None
    if place is None:
        place = torch.from_numpy(token_places(train.tokens.rows, config.text.min_count))
    return SentenceWords(tower.width, place, config.text.words, config.text.word_dropout)


def _duplicates(data: RelevanceData, found: Inspection, train: RelevanceData) -> Positions:
    """Near duplicates within the training split, by position in it."""
    place = {picture.key: i for i, picture in enumerate(data.pictures)}
    return duplicates_within(found, np.array([place[picture.key] for picture in train.pictures]))


def split_data(config: DataConfig, data: RelevanceData, duplicates: Positions, seed: int) -> Splits:
    """The train and dev part, as the source says or drawn by groups when it names no splits.

    Args:
        config: Names of the parts.
        data: What to split.
        duplicates: (pairs, 2) images that must not be parted.
        seed: Of the draw.
    """
    if not any(data.splits):
        shares = {config.train: 1 - config.dev_share, config.dev: config.dev_share}
        data = split_relevance(data, shares, seed, duplicates)
    return {"train": data.of_split(config.train), "dev": data.of_split(config.dev)}


def _calibrate(
    tower: ImageTower | OnnxImageTower, learning: nn.Module, inputs: ImageInputs, count: int
) -> None:
    """Fit what a tower must know of the photos before it learns."""
    with torch.inference_mode():
        places = [np.arange(i, min(i + ENCODE_BATCH, count)) for i in range(0, count, ENCODE_BATCH)]
        features = torch.cat([learning.eval()(inputs.take(place, None)) for place in places])
        parts = calibrated(tower)
        stretches = torch.split(features, [part.width for part in parts], dim=1)
        for part, stretch in zip(parts, stretches, strict=True):
            calibrate(part, stretch)


def _images(
    config: RunConfig,
    tower: ImageTower | OnnxImageTower,
    splits: Splits,
    processes: Processes,
    report: Report,
) -> dict[str, ImageInputs]:
    if config.image.train == "all":
        assert isinstance(tower, ImageTower)
        augment = config.image.augment == "photo"
        return {
            name: PixelImages(
                split.pictures,
                image_input(tower),
                augment=augment and name == "train",
                threads=config.training.loaders,
            )
            for name, split in splits.items()
        }
    return {
        name: _cached_images(config, tower, split, name, processes, report) for name, split in splits.items()
    }


def _cached_images(
    config: RunConfig,
    tower: ImageTower | OnnxImageTower,
    split: RelevanceData,
    name: str,
    processes: Processes,
    report: Report,
) -> CachedImages:
    digest = data_digest(split)
    count = config.image.views if name == "train" else 1

    def fill(view: int) -> Any:
        return cache_images(
            tower,
            stages_behind_trunk(config, tower),
            split.pictures,
            config.data.cache,
            digest,
            view=view,
            report=lambda part: report(f"{name}: view {view + 1} of {count}", part),
        )

    views = processes.lead_first(lambda: [fill(view) for view in range(count)])
    return CachedImages(views[0], views[1:])


def _texts(
    config: RunConfig, splits: Splits, processes: Processes, report: Report
) -> tuple[TextTower | OnnxTextTower, dict[str, TextInputs], Vocabulary | None]:
    assert config.text is not None
    if config.text.tower == "onnx":
        return (*_sentence_texts(config.text, config.data.cache, splits, processes, report), None)
    vocabulary = build_vocabulary(splits["train"].queries, config.text.min_count)
    reader = word_reader(vocabulary, config.text)
    own: dict[str, TextInputs] = {name: TokenTexts(reader, split.queries) for name, split in splits.items()}
    return _word_tower(config.text, vocabulary, config.seed), own, vocabulary


def _sentence_texts(
    config: TextConfig, cache: Path, splits: Splits, processes: Processes, report: Report
) -> tuple[OnnxTextTower, dict[str, TextInputs]]:
    """Features of a frozen encoder, with its tokens where rows are learnt for them."""
    tower = build_text_tower("onnx", **config.options)
    assert isinstance(tower, OnnxTextTower)

    def fill() -> dict[str, Any]:
        return {
            name: cache_texts(tower, split.queries, cache, lambda part: report("texts", part))
            for name, split in splits.items()
        }

    features = processes.lead_first(fill)
    if not config.words:
        return tower, {name: CachedTexts(rows) for name, rows in features.items()}
    return tower, {
        name: CachedTextsWithTokens(rows, TokenTexts(tower.reader, splits[name].queries))
        for name, rows in features.items()
    }


def word_reader(vocabulary: Vocabulary, config: TextConfig) -> WordReader:
    """The tokenizer a bundle made from this run will have."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "words.txt")
        vocabulary.write(path)
        return WordReader(path, WordsTokenizer(type="words", file="words.txt", max_tokens=config.max_tokens))


def _word_tower(config: TextConfig, vocabulary: Vocabulary, seed: int) -> TextTower:
    options: dict[str, Any] = {"vocabulary": len(vocabulary.words), **config.options}
    if config.tower == "transformer":  # the one that needs to know how long a text can be
        options = {"max_tokens": config.max_tokens, **options}
    if config.vectors:
        sources = [load_word_vectors(path) for path in config.vectors]
        options["vectors"], found = vocabulary.vectors(sources, seed)
        if not found:
            raise ConfigError(
                f"text.vectors: none of the {len(vocabulary.words)} words of the queries has a vector in "
                f"{', '.join(map(str, config.vectors))}"
            )
    if config.idf:
        options["idf"] = np.maximum(vocabulary.idf, 1e-6)
    tower = build_text_tower(config.tower, **options)
    assert isinstance(tower, TextTower)
    return tower


def _options(config: RunConfig) -> RelevanceOptions:
    objective = config.objective
    return RelevanceOptions(
        symmetric=objective.symmetric,
        recall=config.scorer.recall,
        mine_every=objective.mine_every if objective.negatives == "hard" else 0,
        mine_skip=objective.mine_skip,
        seed=config.seed,
        separate_bias=config.scorer.negative_bias == "separate",
    )


def _record(config: DataConfig, data: Data) -> dict[str, Any]:
    record: dict[str, Any] = {"source": str(config.source), "digest": data_digest(data)}
    if isinstance(data, RelevanceData):
        record |= {"images": len(data.pictures), "queries": len(data.queries)}
    elif isinstance(data, ClassData):
        record |= {"images": len(data), "classes": len(data.class_names)}
    return record
