"""Features of frozen parts, computed once: the trunk of an image tower, a sentence encoder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tusou.encoders.bundle_encoder import open_session
from tusou.encoders.preprocess import pixel_tensor
from tusou.models.manifest import ImageInput
from tusou.training.data.augment import views
from tusou.training.data.decoding import decode_picture
from tusou.training.data.feature_cache import FeatureCache
from tusou.training.data.relevance import Picture, Positions
from tusou.training.onnx_export import export_module
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.onnx import OnnxImageTower
from tusou.training.towers.text.onnx import OnnxTextTower

Array = npt.NDArray[np.float32]
Report = Callable[[float], None]

BATCH = 8

VIEW_SEED = 0
"""Of the augmented views: the same for every run, so that runs of several seeds share one cache."""


def image_input(tower: ImageTower | OnnxImageTower, file: str = "image.onnx") -> ImageInput:
    """How a picture becomes this tower's input: squashed to its size, normalised."""
    mean, std = (tuple(float(each) for each in side) for side in (tower.mean, tower.std))
    return ImageInput(file=file, size=tower.size, resize="squash", mean=mean, std=std)  # type: ignore[arg-type]


def cache_images(
    tower: ImageTower | OnnxImageTower,
    last: int,
    pictures: Sequence[Picture],
    root: Path,
    digest: str,
    *,
    view: int = 0,
    report: Report = lambda _: None,
) -> npt.NDArray[np.float16]:
    """What the frozen trunk makes of every picture.

    Args:
        tower: The tower.
        last: Stages that learn and are left out of the trunk.
        pictures: What to encode.
        root: Folder of caches.
        digest: Of the data.
        view: 0 is the plain picture; every other number an augmented view of its own.
        report: Called with the part done.

    Returns:
        (pictures, …) float16, mapped.
    """
    spec = image_input(tower)
    name = f"augmented-{VIEW_SEED}-{view}" if view else "plain"
    cache = FeatureCache(root, _image_digest(tower, last), digest, name, len(pictures))
    draw = int(np.random.SeedSequence((VIEW_SEED, view)).generate_state(1)[0])
    with TemporaryDirectory() as folder:
        encode = _trunk(tower, last, Path(folder))

        def rows(positions: Positions) -> Array:
            decoded = [decode_picture(pictures[i]) for i in positions]
            if view:
                decoded = list(views(decoded, 1, draw, size=spec.size, start=int(positions[0]))[:, 0])
            parts = (decoded[i : i + BATCH] for i in range(0, len(decoded), BATCH))
            return np.concatenate([encode(pixel_tensor(part, spec)) for part in parts])

        return cache.build(rows, batch=128, report=report)


def cache_texts(
    tower: OnnxTextTower, queries: Sequence[str], root: Path, report: Report = lambda _: None
) -> npt.NDArray[np.float16]:
    """What a frozen sentence encoder makes of every query, (queries, width) float16, mapped."""
    digest = hashlib.sha256("\0".join(queries).encode()).hexdigest()
    cache = FeatureCache(root, _file_digest(tower.file), digest, "texts", len(queries))
    return cache.build(lambda rows: tower.encode([queries[i] for i in rows]), batch=2048, report=report)


def _trunk(tower: ImageTower | OnnxImageTower, last: int, folder: Path) -> Callable[[Array], Array]:
    """The trunk as a function on pixels: run by ONNX Runtime, about twice as fast as PyTorch on a CPU."""
    if isinstance(tower, OnnxImageTower):
        return tower.encode
    trunk, _ = tower.split(last)
    example = torch.zeros(2, tower.channels, tower.size, tower.size)
    path = folder / "trunk.onnx"
    export_module(trunk.eval(), (example,), path, ["pixels"], "features")
    session = open_session(path, len(os.sched_getaffinity(0)))

    def encode(pixels: Array) -> Array:
        features: Array = session.run(None, {"pixels": pixels})[0]
        return features

    return encode


def _image_digest(tower: ImageTower | OnnxImageTower, last: int) -> str:
    """Changes whenever the trunk's output may."""
    if isinstance(tower, OnnxImageTower):
        return _file_digest(tower.file)
    trunk, _ = tower.split(last)
    digest = hashlib.sha256(f"{tower.size} {tower.mean} {tower.std} {trunk}".encode())
    return _update(digest, trunk)


def _update(digest: Any, module: nn.Module) -> str:
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    text: str = digest.hexdigest()
    return text


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
