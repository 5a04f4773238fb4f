"""Rankers on disk: ``manifest.json`` beside a model in a text format; read back only when everything fits."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tusou.catalog.durable import dump_json, write_durably
from tusou.errors import RankerError
from tusou.ranking.features import FEATURES
from tusou.ranking.learn.linear import LinearRanker
from tusou.ranking.learn.trees import TreeRanker

MANIFEST = "manifest.json"
FILES = {"linear": "linear.json", "trees": "trees.txt"}

LearnedRanker = LinearRanker | TreeRanker


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeatureVersion(_Strict):
    """A feature the ranker looks at, and the version it was trained on."""

    name: str
    version: int


class HeldOut(_Strict):
    """How the ranker did on queries it was not trained on, against the ranker it would replace.

    Attributes:
        measure: Spelling of the measure.
        baseline: Name of the other ranker.
        query_ids: Queries, each held out once.
        ranker: Value of each query.
        before: The other ranker's.
    """

    measure: str
    baseline: str
    query_ids: tuple[str, ...]
    ranker: tuple[float, ...]
    before: tuple[float, ...]


class RankerManifest(_Strict):
    """What ``manifest.json`` says.

    Attributes:
        schema_version: Always 1 here.
        name: Of the ranker.
        kind: ``linear`` or ``trees``.
        features: What it looks at, in order.
        sha256: Digest of the model file.
        training: Data, digests and settings it was made with.
        held_out: Measured on held-out queries.
    """

    schema_version: Literal[1]
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    kind: Literal["linear", "trees"]
    features: tuple[FeatureVersion, ...]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    training: Mapping[str, Any] = {}
    held_out: HeldOut | None = None


def save_ranker(
    folder: Path, name: str, ranker: LearnedRanker, training: Mapping[str, Any], held_out: HeldOut | None
) -> RankerManifest:
    """Write a ranker; the manifest last, so that a folder without one was never finished.

    Args:
        folder: Made if missing.
        name: Of the ranker.
        ranker: What to write.
        training: Data and settings, for the manifest.
        held_out: Measures, for promotion.
    """
    kind: Literal["linear", "trees"] = "linear" if isinstance(ranker, LinearRanker) else "trees"
    content = _linear_bytes(ranker) if isinstance(ranker, LinearRanker) else ranker.text.encode()
    versions = {spec.name: spec.version for spec in FEATURES}
    manifest = RankerManifest(
        schema_version=1,
        name=name,
        kind=kind,
        features=tuple(FeatureVersion(name=each, version=versions[each]) for each in ranker.names),
        sha256=hashlib.sha256(content).hexdigest(),
        training=training,
        held_out=held_out,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / FILES[kind], content)
    write_durably(folder / MANIFEST, dump_json(manifest.model_dump(mode="json")))
    return manifest


def read_manifest(folder: Path) -> RankerManifest:
    """Read what a ranker's folder says about itself.

    Raises:
        RankerError: There is none (``ranker_not_found``), or it does not follow schema 1
            (``ranker_damaged``).
    """
    try:
        return RankerManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise RankerError(
            f"no ranker in {folder}; `tusou rankers list` shows those there are", reason="ranker_not_found"
        ) from None
    except (OSError, ValidationError) as error:
        raise RankerError(
            f"{folder / MANIFEST} does not follow schema 1: {error}. {_REMEDY}", reason="ranker_damaged"
        ) from error


def load_ranker(folder: Path) -> LearnedRanker:
    """Read a ranker.

    Raises:
        RankerError: It is missing, was edited or damaged, or looks at features that are gone or have come to
            mean something else (``ranker_features``).
    """
    manifest = read_manifest(folder)
    _check_features(folder, manifest)
    path = folder / FILES[manifest.kind]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RankerError(
            f"{path} cannot be read: {error.strerror}. {_REMEDY}", reason="ranker_damaged"
        ) from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise RankerError(
            f"{path} is not the file that was trained: it was edited. {_REMEDY}", reason="ranker_damaged"
        )
    names = tuple(feature.name for feature in manifest.features)
    if manifest.kind == "trees":
        return TreeRanker(names, content.decode())
    return _linear(path, names, content)


_REMEDY = "Train it again, or roll back to another one with `tusou rankers rollback`"


def _check_features(folder: Path, manifest: RankerManifest) -> None:
    versions = {spec.name: spec.version for spec in FEATURES}
    wrong = [each for each in manifest.features if versions.get(each.name) != each.version]
    if wrong:
        listed = ", ".join(f"{each.name} version {each.version}" for each in wrong)
        raise RankerError(
            f"{folder} was trained on {listed}, which this version of tusou does not measure. {_REMEDY}",
            reason="ranker_features",
        )


def _linear_bytes(ranker: LinearRanker) -> bytes:
    rows = {
        name: {"mean": float(mean), "scale": float(scale), "weight": float(weight)}
        for name, mean, scale, weight in zip(
            ranker.names, ranker.means, ranker.scales, ranker.weights, strict=True
        )
    }
    return dump_json(rows)


def _linear(path: Path, names: Sequence[str], content: bytes) -> LinearRanker:
    try:
        rows = json.loads(content)
        columns = {key: [float(rows[name][key]) for name in names] for key in ("mean", "scale", "weight")}
    except (ValueError, KeyError, TypeError) as error:
        raise RankerError(f"{path} lacks something: {error}. {_REMEDY}", reason="ranker_damaged") from error
    sound = (
        all(map(math.isfinite, [*columns["mean"], *columns["weight"]]))
        and min(columns["scale"], default=1) > 0
    )
    if not sound:
        raise RankerError(f"{path} holds a number that cannot be. {_REMEDY}", reason="ranker_damaged")
    means, scales, weights = (np.array(columns[key]) for key in ("mean", "scale", "weight"))
    return LinearRanker(tuple(names), means, scales, weights)
