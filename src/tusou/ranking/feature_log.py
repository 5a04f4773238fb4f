"""What a ranker saw of the images it showed, packed for the event log, so that training sees the very same.

A record is the digest of the feature list (8 bytes), the image weight (float32) and the features as float16,
image by image. Half precision keeps three decimal digits, more than any feature is measured to.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

import numpy as np

from tusou.errors import RankerError
from tusou.ranking.features import FEATURES, FeatureTable

DIGEST = hashlib.sha256(",".join(f"{spec.name}@{spec.version}" for spec in FEATURES).encode()).digest()[:8]
"""Of the features' names and versions; changes when a record would mean something else."""

_HEAD = struct.Struct("<8sf")
_LARGEST = float(np.finfo(np.float16).max)


def pack_features(table: FeatureTable, places: Sequence[int]) -> bytes:
    """Features of some candidates.

    Args:
        table: All candidates of a query.
        places: Those that were shown, in the order they were shown.
    """
    values = np.clip(table.values[list(places)], -_LARGEST, _LARGEST).astype("<f2")
    return _HEAD.pack(DIGEST, table.image_weight) + values.tobytes()


def unpack_features(record: bytes) -> FeatureTable:
    """What pack_features packed, in the order shown.

    Raises:
        RankerError: The record is damaged, or of other features than this version of tusou measures.
    """
    if len(record) < _HEAD.size or (len(record) - _HEAD.size) % (2 * len(FEATURES)):
        raise RankerError(
            f"a record of {len(record)} bytes holds no features of whole images", reason="bad_features"
        )
    digest, image_weight = _HEAD.unpack_from(record)
    if digest != DIGEST:
        raise RankerError(
            "the record holds features of another version of tusou: leave it out, and train on searches "
            "logged since the last update",
            reason="ranker_features",
        )
    values = np.frombuffer(record, "<f2", offset=_HEAD.size).reshape(-1, len(FEATURES))
    return FeatureTable(values.astype(np.float32), image_weight)
