"""Pictures from outside and previews of originals are decoded here: in processes that may die."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tusou.config import Config
from tusou.errors import DecodeError
from tusou.imaging.analyze import analyze_image
from tusou.imaging.comp import SIDE, make_comp
from tusou.imaging.decode import DecodedImage, decode
from tusou.imaging.iiif import ImageRequest, carry_out
from tusou.imaging.limits import Limits
from tusou.imaging.pool import GuardedPool
from tusou.imaging.rendition import RenditionFormat, render
from tusou.imaging.thumbnail import make_thumbnail
from tusou.types import ImageAnalysis

CACHE_BYTES = 96 * 1024 * 1024
MAX_WORKERS = 2


class PictureJob(Protocol):
    """One piece of work of a picture worker."""

    def run(self, limits: Limits) -> Any:
        """Do it; a TusouError refuses the picture."""
        ...


@dataclass(frozen=True, slots=True)
class QueryPicture:
    """Decode bytes nobody trusts."""

    data: bytes

    def run(self, limits: Limits) -> DecodedImage:
        """The working picture; the sample at full resolution stays here, a query needs none."""
        return replace(decode(self.data, limits), sample=None)


@dataclass(frozen=True, slots=True)
class Preview:
    """A JPEG of an original, upright, in sRGB, without metadata."""

    path: Path
    side: int

    def run(self, limits: Limits) -> bytes:
        """Read and scale the original.

        Raises:
            DecodeError: It is gone (``missing_original``) or cannot be decoded.
        """
        data = read_original(self.path)
        return make_thumbnail(decode(data, limits, self.side).pixels)


@dataclass(frozen=True, slots=True)
class Rendition:
    """The file somebody takes home, made from an original."""

    path: Path
    side: int
    format: RenditionFormat

    def run(self, limits: Limits) -> bytes:
        """Read, scale and encode the original.

        Raises:
            DecodeError: It is gone (``missing_original``) or cannot be decoded.
        """
        data = read_original(self.path)
        return render(data, limits, self.side, self.format)


@dataclass(frozen=True, slots=True)
class Comp:
    """A marked picture, made from an original."""

    path: Path
    text: str

    def run(self, limits: Limits) -> bytes:
        """Read, scale and mark the original.

        Raises:
            DecodeError: It is gone (``missing_original``) or cannot be decoded.
        """
        data = read_original(self.path)
        return make_comp(decode(data, limits, SIDE).pixels, self.text)


@dataclass(frozen=True, slots=True)
class IiifImage:
    """What an IIIF request makes of an original."""

    path: Path
    side: int
    request: ImageRequest

    def run(self, limits: Limits) -> bytes:
        """Read the original, scale it to what is on offer, and carry the request out.

        Raises:
            DecodeError: It is gone (``missing_original``) or cannot be decoded.
        """
        data = read_original(self.path)
        return carry_out(decode(data, limits, self.side).pixels, self.request)


@dataclass(frozen=True, slots=True)
class Analyze:
    """A picture worker's job: everything imaging knows of bytes nobody trusts."""

    data: bytes
    name: str

    def run(self, limits: Limits) -> ImageAnalysis:
        """Decode and measure.

        Raises:
            DecodeError: It is no picture, or breaks a limit.
        """
        return analyze_image(self.data, limits, name=self.name)[0]


def read_original(path: Path) -> bytes:
    """The bytes of an original.

    Raises:
        DecodeError: It is gone (``missing_original``).
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise missing_original(error) from error


def missing_original(error: OSError) -> DecodeError:
    """Say that an original cannot be read, without telling where it lies."""
    return DecodeError(
        f"the original cannot be read ({error.strerror}); `tusou check` lists what is missing",
        reason="missing_original",
    )


class PictureTask:
    """What a worker runs; see tusou.imaging.pool."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def prepare(self, item: PictureJob) -> Any:
        """Run one job."""
        return item.run(self.limits)

    def finish(self, parts: Any) -> Any:
        """Jobs are whole already."""
        return parts


class PictureWorkers:
    """The pool, and the previews it made lately."""

    def __init__(self, config: Config) -> None:
        """Start the processes."""
        self._pool: GuardedPool[PictureJob, Any] = GuardedPool(
            partial(PictureTask, Limits.from_config(config)),
            workers=min(MAX_WORKERS, config.worker_count),
            seconds_per_item=config.decode_seconds,
            memory_mb=config.decode_memory_mb,
        )
        self._previews = ByteCache(CACHE_BYTES)

    def decode(self, data: bytes) -> DecodedImage:
        """Decode a query picture.

        Raises:
            DecodeError: It is no picture, breaks a limit, or took a worker down.
        """
        decoded: DecodedImage = self._pool.run(QueryPicture(data))
        return decoded

    def preview(self, sha256: str, path: Path, side: int) -> bytes:
        """A preview of an original, from the cache if it was made lately.

        Raises:
            DecodeError: The original is gone or cannot be decoded.
        """
        key = (sha256, side)
        kept = self._previews.get(key)
        if kept is not None:
            return kept
        made: bytes = self._pool.run(Preview(path, side))
        self._previews.put(key, made)
        return made

    def rendition(self, path: Path, side: int, image_format: RenditionFormat) -> bytes:
        """An original in another size or format.

        Raises:
            DecodeError: The original is gone or cannot be decoded.
        """
        made: bytes = self._pool.run(Rendition(path, side, image_format))
        return made

    def comp(self, path: Path, text: str) -> bytes:
        """A picture marked all over.

        Raises:
            DecodeError: The original is gone or cannot be decoded.
        """
        made: bytes = self._pool.run(Comp(path, text))
        return made

    def iiif(self, path: Path, side: int, request: ImageRequest) -> bytes:
        """The file an IIIF request asks for.

        Raises:
            DecodeError: The original is gone or cannot be decoded.
        """
        made: bytes = self._pool.run(IiifImage(path, side, request))
        return made

    def analyze(self, data: bytes, name: str) -> ImageAnalysis:
        """Measure bytes nobody trusts.

        Raises:
            DecodeError: It is no picture, breaks a limit, or took a worker down.
        """
        measured: ImageAnalysis = self._pool.run(Analyze(data, name))
        return measured

    def close(self) -> None:
        """End the processes."""
        self._pool.close()


class ByteCache:
    """The most recently used values up to a number of bytes; safe from several threads."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self._values: OrderedDict[Any, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> bytes | None:
        """The value, which becomes the most recent one."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Any, value: bytes) -> None:
        """Keep a value and drop the oldest ones that have no room any more."""
        with self._lock:
            self.size += len(value) - len(self._values.pop(key, b""))
            self._values[key] = value
            while self.size > self.capacity:
                _, dropped = self._values.popitem(last=False)
                self.size -= len(dropped)
