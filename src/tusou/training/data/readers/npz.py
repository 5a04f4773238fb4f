"""npz files with ``x_train``, ``y_train``, ``x_test``, ``y_test`` (any splits, by what follows ``x_``)."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from tusou.errors import DataError
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.labelled import Part, class_data
from tusou.training.data.relevance import ClassData


def recognises(path: Path) -> bool:
    """By its ending."""
    return path.is_file() and path.suffix == ".npz"


def read(path: Path, _options: DataOptions, problems: Problems) -> ClassData:
    """Read every split of the file.

    Raises:
        DataError: It is damaged or holds objects (``damaged_file``), or lacks arrays (``bad_arrays``).
    """
    return class_data(_parts(path), problems)


def _parts(path: Path) -> list[Part]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            splits = sorted((name[2:] for name in arrays if name.startswith("x_")), key=_train_first)
            if not splits or any(f"y_{split}" not in arrays for split in splits):
                raise DataError(
                    f"{path} holds {sorted(arrays)}; expected x_train with y_train, x_test with y_test",
                    reason="bad_arrays",
                )
            return [(split, arrays[f"x_{split}"], arrays[f"y_{split}"]) for split in splits]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; deliver it again", reason="damaged_file") from None


def _train_first(split: str) -> tuple[bool, str]:
    return split != "train", split
