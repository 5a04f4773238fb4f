"""The fingerprint of a data set: what a cache or a run folder records to know it again."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.errors import DataError
from tusou.training.data.letor import LetorData
from tusou.training.data.reading import Data
from tusou.training.data.relevance import ClassData, FilePicture, Picture, RangePicture


def data_digest(data: Data) -> str:
    """SHA-256, in hex, over the ordered images (keys and sizes) and what is said of them.

    An image that is replaced by one of the same key and size goes unnoticed: their bytes are not read.
    """
    digest = hashlib.sha256(type(data).__name__.encode())
    if isinstance(data, LetorData):
        _update(digest, data.features, data.grades, data.offsets)
        return digest.hexdigest()
    for picture in data.pictures:
        digest.update(f"{picture.key}\0{_size(picture)}\0".encode())
    if isinstance(data, ClassData):
        _update(digest, data.labels, *([] if data.pixels is None else [data.pixels]))
    else:
        for query in data.queries:
            digest.update(f"{query}\0".encode())
        _update(digest, data.offsets, data.items, data.grades)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, *arrays: npt.NDArray[Any]) -> None:
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)


def _size(picture: Picture) -> int:
    """Bytes of an image, without reading them where that can be had."""
    if isinstance(picture, RangePicture):
        return picture.length
    if not isinstance(picture, FilePicture):
        return len(picture.read())
    try:
        return picture.path.stat().st_size
    except OSError as error:
        raise DataError(f"{picture.path}: {error.strerror}", reason="picture_missing") from error
