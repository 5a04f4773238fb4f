"""Features of a frozen tower, computed once and kept as float16 rows that are mapped, not loaded.

::

    <root>/<model>-<data>-<view>/manifest.json   what the rows are, how many are committed, their checksum
    <root>/<model>-<data>-<view>/rows.bin        row r at byte r x row size

A batch counts once the manifest says so, after its bytes have reached the disk; what a crash left behind the
committed rows is cut off by the next build, which goes on from there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.catalog.durable import dump_json, storage_errors, write_durably
from tusou.catalog.lock import WriterLock
from tusou.errors import DataError, LibraryLocked, StorageFull
from tusou.index.append_file import append, check_committed
from tusou.index.manifest import FileState

Features = npt.NDArray[np.float16]
Encode = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]]
"""Positions (n,) to features (n, …) float32, all finite, every row of one shape."""

SCHEMA = 1

_MANIFEST, _ROWS = "manifest.json", "rows.bin"
_SPARE_BYTES = 64 << 20
"""Room left on the disk after a build."""


@dataclass(frozen=True, slots=True)
class CacheState:
    """The manifest.

    Attributes:
        model_digest: The tower's.
        data_digest: See data_digest.
        view: Which view of each image (``plain``, ``flipped``, a layer's name).
        count: Rows of the whole cache.
        shape: Of one row; empty before the first batch.
        done: Rows committed.
        size: Bytes committed.
        crc32: CRC-32 of those bytes.
        dtype: Of the values.
        schema: Version of this layout.
    """

    model_digest: str
    data_digest: str
    view: str
    count: int
    shape: tuple[int, ...] = ()
    done: int = 0
    size: int = 0
    crc32: int = 0
    dtype: str = "float16"
    schema: int = SCHEMA


class FeatureCache:
    """The rows of one tower on one view of one data set."""

    def __init__(self, root: Path, model_digest: str, data_digest: str, view: str, count: int) -> None:
        """Name a cache; nothing is read or written yet.

        Args:
            root: Folder of all caches.
            model_digest: Changes whenever the tower's output may.
            data_digest: Changes whenever the images or their order may.
            view: Letters, digits and hyphens.
            count: Rows, one per image.
        """
        self._wanted = CacheState(model_digest, data_digest, view, count)
        self.folder = root / f"{model_digest[:16]}-{data_digest[:16]}-{view}"

    def build(
        self, encode: Encode, *, batch: int = 256, report: Callable[[float], None] = lambda _: None
    ) -> Features:
        """Compute the rows that are missing, batch by batch, and map them all.

        Args:
            encode: Called with positions in ascending order.
            batch: Rows per call and per commit.
            report: Called with the part done, 0 to 1.

        Raises:
            StorageFull: The disk has not enough room for all rows; nothing was begun, or what was done stays.
            DataError: Another process builds this cache (``features_locked``); features are not finite in
                float16 or of another shape (``bad_features``); the cache is damaged (``features_damaged``).
        """
        state = self._state() or self._wanted
        if 0 < state.done == state.count:
            return self._map(state)  # without the lock: many processes may read at once
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        lock = self._lock()
        try:
            state = self._state() or self._wanted
            while state.done < state.count:
                rows = np.arange(state.done, min(state.done + batch, state.count))
                state = self._commit(state, _halves(encode(rows), rows, state.shape))
                report(state.done / state.count)
        finally:
            lock.release()
        return self._map(state)

    def rows(self) -> Features:
        """(count, …) float16, read from the file on use.

        Raises:
            DataError: The cache is not complete (``features_missing``), does not match its checksum or its
                manifest cannot be read (``features_damaged``).
        """
        return self._map(self._state() or self._wanted)

    def _lock(self) -> WriterLock:
        try:
            return WriterLock(self.folder / "lock")
        except LibraryLocked:
            raise DataError(
                f"another process builds the features in {self.folder}; wait until it ends or stop it",
                reason="features_locked",
            ) from None

    def _map(self, state: CacheState) -> Features:
        if not state.done or state.done < state.count:
            raise DataError(
                f"{self.folder} holds {state.done} of {state.count} rows; build it first",
                reason="features_missing",
            )
        return np.memmap(self.folder / _ROWS, np.float16, "r", shape=(state.count, *state.shape))

    def _commit(self, state: CacheState, features: Features) -> CacheState:
        """Append a batch and record it; the first batch tells the row's size, so the disk is asked then."""
        if not state.done:
            self._check_room(features[0].nbytes * state.count)
        with storage_errors(self.folder):
            file = append(self.folder, FileState(_ROWS, state.size, state.crc32), [features])
        state = replace(
            state,
            shape=features.shape[1:],
            done=state.done + len(features),
            size=file.size,
            crc32=file.crc32,
        )
        write_durably(self.folder / _MANIFEST, dump_json(asdict(state)))
        return state

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if needed + _SPARE_BYTES > free:
            raise StorageFull(
                f"features need {needed / 1e9:.2f} GB below {self.folder}, {free / 1e9:.2f} GB are free: "
                "free space, choose another folder, or cache a smaller layer"
            )

    def _state(self) -> CacheState | None:
        """The manifest, its rows verified; None when there is none yet."""
        path = self.folder / _MANIFEST
        if not path.exists():
            return None
        try:
            values: dict[str, Any] = json.loads(path.read_bytes())
            state = CacheState(**values | {"shape": tuple(values["shape"])})
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(f"its manifest cannot be read ({error})") from None
        if replace(state, shape=(), done=0, size=0, crc32=0) != self._wanted:
            raise self._damaged("its manifest tells of another tower, data set, view, count or layout")
        if state.size != state.done * int(np.prod(state.shape, dtype=np.int64)) * 2:
            raise self._damaged("its manifest contradicts itself")
        if check_committed(self.folder, FileState(_ROWS, state.size, state.crc32)):
            raise self._damaged("its rows are missing or do not match their checksum")
        return state

    def _damaged(self, problem: str) -> DataError:
        return DataError(
            f"the features in {self.folder} cannot be used: {problem}; remove the folder and build anew",
            reason="features_damaged",
        )


def _halves(
    features: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], shape: tuple[int, ...]
) -> Features:
    """One batch as float16.

    Raises:
        DataError: Not one row per position, another shape than before, or not finite in float16.
    """
    if len(features) != len(rows) or features.ndim < 2 or (shape and features.shape[1:] != shape):
        expected = f"({len(rows)}, {', '.join(map(str, shape)) or '…'})"
        raise DataError(f"expected features {expected}, got {features.shape}", reason="bad_features")
    with np.errstate(over="ignore"):
        halves: Features = features.astype(np.float16)
    finite = np.isfinite(halves).reshape(len(rows), -1).all(axis=1)
    if not finite.all():
        raise DataError(
            f"the features of image {rows[~finite][0]} are NaN or beyond float16's 65504: check the tower",
            reason="bad_features",
        )
    return halves
