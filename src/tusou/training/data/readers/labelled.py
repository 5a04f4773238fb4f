"""Pixel arrays with labels, as idx and npz files hold them, put together to classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.errors import DataError
from tusou.training.data.builder import nothing_usable
from tusou.training.data.problems import Problems
from tusou.training.data.relevance import ClassData

Part = tuple[str, npt.NDArray[Any], npt.NDArray[Any]]
"""Split, pixels and labels."""


def class_data(parts: Sequence[Part], problems: Problems) -> ClassData:
    """Join the splits of a set; images without a usable label are left out.

    Raises:
        DataError: Arrays of another kind or of sizes that do not fit (``bad_arrays``), or nothing is left.
    """
    for split, pixels, labels in parts:
        _check(split, pixels, labels)
    shapes = {pixels.shape[1:] for _, pixels, _ in parts}
    if len(shapes) != 1:
        raise _bad(f"the splits' images differ in shape: {sorted(shapes)}")
    kept = [_labelled(part, problems) for part in parts]
    labels = np.concatenate([labels for _, _, labels in kept])
    if not len(labels):
        raise nothing_usable(problems)
    names = tuple(map(str, range(int(labels.max()) + 1)))
    splits = tuple(split for split, _, labels in kept for _ in range(len(labels)))
    return ClassData(np.concatenate([pixels for _, pixels, _ in kept]), (), labels, names, splits)


def _check(split: str, pixels: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    image = pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[3] == 3)
    if pixels.dtype != np.uint8 or not image:
        raise _bad(
            f"{split}: images are {pixels.dtype} {pixels.shape}; expected uint8 (n, h, w) or (n, h, w, 3)"
        )
    if labels.shape != (len(pixels),):
        raise _bad(
            f"{split}: {len(pixels)} images, labels of shape {labels.shape}; expected one label per image"
        )
    if labels.dtype.kind not in "iu":
        raise _bad(f"{split}: labels are {labels.dtype}; expected whole numbers")


def _labelled(part: Part, problems: Problems) -> tuple[str, npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    split, pixels, labels = part
    good = labels >= 0
    for row in np.flatnonzero(~good):
        problems.add(f"{split}[{row}]", "bad_label", f"label {labels[row]}")
    return split, pixels[good] if not good.all() else pixels, labels[good].astype(np.int64)


def _bad(message: str) -> DataError:
    return DataError(
        f"{message}; write the arrays as docs/guides/training-data.md shows", reason="bad_arrays"
    )
