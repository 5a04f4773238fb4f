"""MNIST's idx files, plain or gzip: ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-…``."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.errors import DataError
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.labelled import Part, class_data
from tusou.training.data.relevance import ClassData

_IMAGES = re.compile(r"(.+)-images[-.]idx3-ubyte(\.gz)?$")
_SPLITS = {"t10k": "test"}


def recognises(path: Path) -> bool:
    """A folder with idx images, or one such file."""
    return bool(_image_files(path))


def read(path: Path, _options: DataOptions, problems: Problems) -> ClassData:
    """Read every pair of images and labels; ``t10k`` is split ``test``."""
    return class_data([_part(file) for file in _image_files(path)], problems)


def _image_files(path: Path) -> list[Path]:
    files = path.iterdir() if path.is_dir() else [path]
    return sorted(file for file in files if _IMAGES.fullmatch(file.name))


def _part(file: Path) -> Part:
    prefix = file.name.split("-images")[0]
    labels = file.with_name(file.name.replace("-images", "-labels").replace("idx3", "idx1"))
    if not labels.is_file():
        raise DataError(f"{file} needs its labels: no {labels}", reason="source_not_found")
    return _SPLITS.get(prefix, prefix), read_idx(file), read_idx(labels)


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of one idx file: two zero bytes, type 8 (uint8), number of axes, big-endian sizes, values.

    Raises:
        DataError: It is damaged, or of another type (``damaged_file``).
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; deliver it again", reason="damaged_file") from None
    axes = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    start = 4 + 4 * axes
    shape = (
        np.frombuffer(data[4:start], ">u4").astype(int) if axes and len(data) >= start else np.empty(0, int)
    )
    if not axes or len(shape) != axes or len(data) != start + int(np.prod(shape)):
        raise DataError(
            f"{path} is no idx file of uint8 ({len(data)} bytes, sizes {shape.tolist()}); deliver it again",
            reason="damaged_file",
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
