"""The configuration of a training run: one TOML file, checked as a whole before anything is read or built."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tusou.errors import ConfigError
from tusou.models.manifest import DataSource, Slug
from tusou.training.towers.names import IMAGE_NAMES, TEXT_NAMES, check_name
from tusou.types import Language

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataConfig(_Section):
    """``[data]``: what is learnt from.

    Attributes:
        source: File or folder, relative to the working directory; see ``tusou data check``.
        format: Its format; recognised when empty.
        languages: Keep only queries of these; all when empty.
        train: Name of the split that is learnt from.
        dev: Name of the split that measures and chooses.
        dev_share: Share of the groups of images split off as dev when the source names no splits.
        cache: Folder of cached features.
    """

    source: Path
    format: str = ""
    languages: tuple[Language, ...] = ()
    train: str = "train"
    dev: str = "dev"
    dev_share: Share = 0.1
    cache: Path = Path(".cache/features")


class ImageConfig(_Section):
    """``[image]``: the image tower.

    Attributes:
        tower: A name of IMAGE_TOWERS.
        options: The tower's own (``size``, ``classes``, ``file`` …), as a table.
        weights: File of pretrained weights, or ``hub`` for torchvision's.
        train: ``all``, ``none`` or the number of last stages that learn.
        views: Augmented views cached of each training image, the plain one included, when stages are frozen.
        augment: Augment pixels of a tower that learns as a whole: ``none``, ``photo`` or ``digits``.
    """

    tower: str
    options: dict[str, Any] = {}
    weights: str = ""
    train: Literal["all", "none"] | Annotated[int, Field(ge=0)] = "all"
    views: int = Field(default=1, ge=1, le=64)
    augment: Literal["none", "photo", "digits"] = "none"

    @field_validator("tower")
    @classmethod
    def _known(cls, name: str) -> str:
        return check_name(name, IMAGE_NAMES)


class TextConfig(_Section):
    """``[text]``: the text tower.

    Attributes:
        tower: A name of TEXT_TOWERS.
        options: The tower's own (``hidden``, ``pooling`` …), as a table.
        vectors: Files of word vectors the vocabulary starts from.
        idf: Weigh words by inverse document frequency (``word_mean``, ``bag_of_words``).
        min_count: Rarer words of the training queries are unknown words.
        max_tokens: Longest text; the rest is cut off.
        words: Length of a learnt row for each token, beside a frozen encoder's features (``onnx``); 0: none.
        word_dropout: Share of a text's tokens left out of these while training.
    """

    tower: str
    options: dict[str, Any] = {}
    vectors: tuple[Path, ...] = ()
    idf: bool = False
    min_count: int = Field(default=2, ge=1)
    max_tokens: int = Field(default=64, ge=1, le=1024)
    words: int = Field(default=0, ge=0, le=4096)
    word_dropout: Share = 0.0

    @field_validator("tower")
    @classmethod
    def _known(cls, name: str) -> str:
        return check_name(name, TEXT_NAMES)


class ScorerConfig(_Section):
    """``[scorer]``: how features become a score.

    Attributes:
        type: ``embedding`` (cosine in one space), ``concatenation`` (a network on both rows) or ``classes``.
        dim: Length of a row of the common space.
        head: ``linear``, ``tanh``, ``mlp`` or ``residual``.
        hidden: Width of hidden layers.
        dropout: Share of the features dropped while training.
        scale: What cosines are multiplied by; the start when it is learnt.
        learn_scale: Learn the scale.
        bias: Added to scaled cosines.
        learn_bias: Learn the bias.
        negative_bias: ``shared``: one bias for all images; ``separate``: the negative has its own.
        recall: Weight of the same loss on the cosines of a concatenation scorer's rows, which serve recall.
        start: ``random``, or ``cca``: linear heads in closed form.
        image_shrinkage: Of CCA: added to every variance of the image features, in units of their mean.
        text_shrinkage: The same for text features.
        power: Of CCA: each direction is weighted by its correlation to this power.
    """

    type: Literal["embedding", "concatenation", "classes"] = "embedding"
    dim: int = Field(default=256, ge=2, le=4096)
    head: Literal["linear", "tanh", "mlp", "residual"] = "linear"
    hidden: int = Field(default=256, ge=1)
    dropout: Share = 0.0
    scale: float = Field(default=1.0, gt=0, le=100)
    learn_scale: bool = False
    bias: float = 0.0
    learn_bias: bool = False
    negative_bias: Literal["shared", "separate"] = "shared"
    recall: float = Field(default=1.0, ge=0)
    start: Literal["random", "cca"] = "random"
    image_shrinkage: Positive = 1.0
    text_shrinkage: Positive = 0.03
    power: float = Field(default=1.0, ge=0, le=2)


class ObjectiveConfig(_Section):
    """``[objective]``: what is minimised, and which images a query is held against.

    Attributes:
        type: ``bce``, ``softmax``, ``listwise``, ``ranknet``, ``triplet``, ``max_hinge``, ``info_nce``,
            ``siglip``, ``cross_entropy`` (classes) or ``cca`` (closed form, no steps).
        negatives: ``in_batch``: the other queries' images; ``random``: drawn for each query; ``hard``:
            the best scored wrong images, mined anew every few epochs; ``shown``: only the query's own list.
        queries_per_image: in_batch: each image once an epoch with so many of its queries, for dear image
            towers; 0: each query once an epoch.
        list_size: Images of a query's list, except in_batch.
        symmetric: Also hold each image against the batch's queries (in_batch).
        margin: Of hinges.
        ties: RankNet: also learn that images of equal grade are equal.
        smoothing: Cross-entropy: share of the target spread over all classes.
        reduction: ``mean`` or ``sum`` over the batch.
        mine_every: Epochs between two minings of hard negatives.
        mine_skip: Best scored wrong images left out as probably relevant.
    """

    type: Literal[
        "bce", "softmax", "listwise", "ranknet", "triplet", "max_hinge", "info_nce", "siglip",
        "cross_entropy", "cca",
    ]  # fmt: skip
    negatives: Literal["in_batch", "random", "hard", "shown"] = "in_batch"
    queries_per_image: int = Field(default=0, ge=0, le=1000)
    list_size: int = Field(default=2, ge=2, le=1000)
    symmetric: bool = False
    margin: Positive = 0.2
    ties: bool = False
    smoothing: Share = 0.0
    reduction: Literal["mean", "sum"] = "mean"
    mine_every: int = Field(default=1, ge=1)
    mine_skip: int = Field(default=0, ge=0)


class OptimizerConfig(_Section):
    """``[optimizer]``: how weights move.

    Attributes:
        type: ``adam``, ``adamw`` or ``sgd``.
        lr: Learning rate.
        tower_lr: Factor on it for the towers' own weights.
        weight_decay: Per step, not on biases and scales.
        betas: Of Adam.
        eps: Of Adam.
        momentum: Of SGD.
        schedule: ``constant`` or ``cosine`` (down to nothing at the last step).
        warmup: Share of the steps in which the rate rises from nothing.
        clip: Largest norm of the gradient; 0 for none.
        average: Decay of a running mean of the weights, which is what is kept; 0 for none.
    """

    type: Literal["adam", "adamw", "sgd"] = "adam"
    lr: Positive = 1e-3
    tower_lr: Positive = 1.0
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[Share, Share] = (0.9, 0.999)
    eps: Positive = 1e-8
    momentum: Share = 0.9
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0
    clip: float = Field(default=0.0, ge=0)
    average: Share = 0.0


class TrainingConfig(_Section):
    """``[training]``: the loop.

    Attributes:
        epochs: Passes over the queries (or images of classes); 0 keeps what the start gave.
        batch_size: Queries of one step, over all processes.
        patience: Epochs without a better dev measure before stopping; 0 never stops early.
        measure: Dev measure that chooses the best epoch; empty takes the task's own.
        checkpoint_steps: Steps between checkpoints; one is also written after every epoch.
        loaders: Threads that decode pictures ahead of the steps.
        threads: Threads of one process; 0 leaves it to PyTorch.
        device: ``auto`` takes a GPU if there is one; ``cpu``, ``cuda`` or ``cuda:N`` name it.
        precision: Of the towers while they train: ``bfloat16`` is mixed precision.
    """

    epochs: int = Field(default=10, ge=0, le=100_000)
    batch_size: int = Field(default=256, ge=2)
    patience: int = Field(default=0, ge=0)
    measure: str = ""
    checkpoint_steps: int = Field(default=1000, ge=1)
    loaders: int = Field(default=2, ge=1, le=256)
    threads: int = Field(default=0, ge=0, le=1024)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    precision: Literal["float32", "bfloat16"] = "float32"


class SweepConfig(_Section):
    """``[sweep]``: runs of ``tusou train --sweep``.

    Attributes:
        method: ``grid`` tries every combination, ``optuna`` searches.
        trials: Runs of ``optuna``.
        values: Dotted key (``optimizer.lr``) to the values tried.
    """

    method: Literal["grid", "optuna"] = "grid"
    trials: int = Field(default=20, ge=1)
    values: dict[str, list[Any]]


class BundleConfig(_Section):
    """``[bundle]``: what ``tusou models export`` writes into the manifest.

    Attributes:
        version: Of the bundle.
        license: Of the bundle as a whole.
        sources: Weights and data it is made from, each with ``name``, ``license`` and ``use``.
        image_calibration: Training pictures whose activations set the ranges of an int8 tower.
    """

    version: Slug = "1.0"
    license: str = "unknown"
    sources: tuple[DataSource, ...] = ()
    image_calibration: int = Field(default=240, ge=8)


class RunConfig(_Section):
    """A whole file.

    Attributes:
        name: Of the run and of the bundle made from it.
        seed: Start of all random numbers.
        start_from: Folder of a finished run of the same network whose weights this one starts with; it may
            train other parts, on other data. With ``scorer.start = "cca"`` the heads are fitted anew.
        data: See DataConfig.
        image: See ImageConfig.
        text: See TextConfig; left out for classes.
        scorer: See ScorerConfig.
        objective: See ObjectiveConfig.
        optimizer: See OptimizerConfig.
        training: See TrainingConfig.
        sweep: See SweepConfig.
        bundle: See BundleConfig.
    """

    name: Slug
    seed: int = Field(default=0, ge=0, lt=2**31)
    start_from: Path | None = None
    data: DataConfig
    image: ImageConfig
    text: TextConfig | None = None
    scorer: ScorerConfig = ScorerConfig()
    objective: ObjectiveConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()
    sweep: SweepConfig | None = None
    bundle: BundleConfig = BundleConfig()


def load_run_config(path: Path) -> RunConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: The file cannot be read or parsed, a key is unknown, a value is not allowed, or the parts
            do not fit together; every problem is listed with its key.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    return parse_run_config(table, str(path))


def load_run_record(run: Path) -> RunConfig:
    """The configuration a run was started with.

    Raises:
        ConfigError: The folder is not that of a run.
    """
    path = run / "config.json"
    try:
        return RunConfig.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} is not the record of a run: {error}") from error


def parse_run_config(table: dict[str, Any], origin: str) -> RunConfig:
    """Check a configuration given as a table.

    Args:
        table: As TOML gives it.
        origin: Named in front of the problems.

    Raises:
        ConfigError: See load_run_config.
    """
    try:
        # JSON has lists and texts for tuples and paths, so that types can be strict: true is no number
        config = RunConfig.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        problems = [_explain(item) for item in error.errors()]
        raise ConfigError(f"{origin}: {'; '.join(problems)}") from error
    from tusou.training.combinations import combination_problems

    if problems := combination_problems(config):
        raise ConfigError(f"{origin}: {'; '.join(problems)}")
    return config


_CHOICES = ("literal[", "constrained-int")
"""How pydantic names the choices of ``image.train`` in an error's place."""


def _explain(item: Any) -> str:
    place = [part for part in item["loc"] if not str(part).startswith(_CHOICES)]
    key = ".".join(map(str, place))
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key; known here: {', '.join(_known_keys(place[:-1]))}"
    if item["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {item['msg']}, found {item['input']!r}"


def _known_keys(place: list[Any]) -> list[str]:
    model: Any = RunConfig
    for part in (each for each in place if isinstance(each, str)):
        kinds = [model.model_fields[part].annotation]
        kinds += list(getattr(kinds[0], "__args__", ()))
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return sorted(model.model_fields)
