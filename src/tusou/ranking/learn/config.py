"""The file ``tusou train ranker`` reads."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tusou.errors import ConfigError, EvaluationError
from tusou.evaluation.graded import parse_measure
from tusou.ranking.features import FEATURE_NAMES

LEARNT = tuple(
    name
    for name in FEATURE_NAMES
    if name
    not in (
        "image_similarity",
        "dense_rank",
        "dense_bank_z",
        "age",
        "megapixels",
        "keyword_count",
        "click_lift",
    )
)
"""Features a ranker looks at unless told otherwise: all but those that words do not ask for, repeat another
one, or tell who delivered an image rather than what it shows."""


class RankerConfig(BaseModel):
    """One training of a ranker.

    Attributes:
        name: Of the ranker.
        queries: Judged queries, JSON Lines.
        qrels: Judgments, TREC layout.
        candidates: ``live``: recalled and measured now. ``logged``: images people were shown, with the
            features their ranking saw, out of the event log.
        kind: ``linear``, ``trees``, or ``auto``: by the number of judged queries.
        measure: What has to rise.
        folds: Parts the queries are dealt into; each is ranked by a model of the others.
        seed: Deals them out.
        features: Names of what the ranker may look at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    queries: Path = Path("demo/judged-queries.jsonl")
    qrels: Path = Path("demo/judgments.qrels")
    candidates: Literal["live", "logged"] = "live"
    kind: Literal["auto", "linear", "trees"] = "auto"
    measure: str = "nDCG@10"
    folds: int = Field(default=5, ge=2, le=50)
    seed: int = Field(default=0, ge=0, lt=2**31)
    features: tuple[str, ...] = Field(default=LEARNT, min_length=1)

    @field_validator("features")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in FEATURE_NAMES]:
            raise ValueError(f"no feature {', '.join(unknown)}; there are {', '.join(FEATURE_NAMES)}")
        if len(set(names)) < len(names):
            raise ValueError("a feature is listed twice")
        return names

    @field_validator("measure")
    @classmethod
    def _a_measure(cls, text: str) -> str:
        try:
            return str(parse_measure(text))
        except EvaluationError as error:
            raise ValueError(str(error)) from None


def load_ranker_config(path: Path) -> RankerConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: It cannot be read or parsed, or some keys are wrong; every one is named.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        return RankerConfig.model_validate(table)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"{path}: {problems}") from error
