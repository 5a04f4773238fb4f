"""What the ONNX towers of both sides share: shapes read off a graph, runs in batches, no training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from tusou.errors import ConfigError, EncoderError

Array = npt.NDArray[Any]


def static_dim(file: Path, value: Any, axis: int, stated: int | None) -> int:
    """Length of one axis of a graph's input or output.

    Args:
        file: The graph, for messages.
        value: Input or output as ONNX Runtime describes it.
        axis: Which axis.
        stated: What the configuration says, if anything.

    Raises:
        ConfigError: Neither says it, or the two differ.
    """
    shape = value.shape
    own = shape[axis] if axis < len(shape) and isinstance(shape[axis], int) else None
    if own is None and stated is None:
        raise ConfigError(f"{file}: {value.name} has shape {shape}; axis {axis} must be a fixed number")
    if own is not None and stated is not None and own != stated:
        raise ConfigError(f"{file}: {value.name} has shape {shape}; axis {axis} cannot be {stated}")
    return own if own is not None else int(stated or 0)


def run_batches(
    session: onnxruntime.InferenceSession,
    file: Path,
    batches: Iterable[Mapping[str, Array]],
    output: str,
    width: int,
) -> npt.NDArray[np.float32]:
    """Run a graph over batches; returns (n, width) float32.

    Raises:
        EncoderError: A run fails.
    """
    rows = [np.empty((0, width), dtype=np.float32)]
    for batch in batches:
        try:
            rows.append(session.run([output], dict(batch))[0])
        except Exception as error:  # ONNX Runtime raises bare RuntimeError subclasses of its own
            raise EncoderError(f"{file} failed: {error}") from error
    return np.concatenate(rows)


def refuse_training(file: Path, train: object) -> None:
    """Accept ``"none"`` only.

    Raises:
        ConfigError: Something is to be trained.
    """
    if train not in ("none", 0):
        raise ConfigError(
            f"{file}: train = {train!r}, but an ONNX tower is frozen: ONNX Runtime computes no gradients; "
            'set train = "none", or choose a tower that is built here and load its weights'
        )
