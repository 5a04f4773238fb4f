"""The data of relevance training: (query, list of images with grades)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tusou.errors import DataError

Positions = npt.NDArray[np.int64]
Grades = npt.NDArray[np.float32]


class Picture(Protocol):
    """Where the bytes of one image come from; nothing is read before ``read``."""

    @property
    def key(self) -> str:
        """Names the image within its data set."""
        ...

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            DataError: It cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FilePicture:
    """An image in a file of its own."""

    key: str
    path: Path

    def read(self) -> bytes:
        """The file's bytes."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be read: {error.strerror}", reason="picture_missing"
            ) from error


@dataclass(frozen=True, slots=True)
class RangePicture:
    """An image that is a stretch of a larger file (a member of an uncompressed tar, say).

    Attributes:
        key: Names the image.
        path: The larger file.
        start: First byte.
        length: Bytes.
    """

    key: str
    path: Path
    start: int
    length: int

    def read(self) -> bytes:
        """The stretch's bytes."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.start)
                data = stream.read(self.length)
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be read: {error.strerror}", reason="picture_missing"
            ) from error
        if len(data) != self.length:
            raise DataError(
                f"{self.path} ends inside {self.key}: expected {self.length} bytes at {self.start}, found "
                f"{len(data)}; copy the file again",
                reason="picture_missing",
            )
        return data


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror}", reason="picture_missing")


@dataclass(frozen=True)
class RelevanceData:
    """Queries, each with its list of images and their grades.

    A caption is a query whose list is the one image it tells of, grade 1: the other images of a batch are
    its negatives. A click log has longer lists, in which 0 means shown and not relevant.

    Attributes:
        pictures: Every image, each once.
        queries: Every query.
        languages: (queries,) "en", "zh" or "" when unknown.
        offsets: (queries + 1,) entries of query i are offsets[i] to offsets[i + 1].
        items: (entries,) positions in ``pictures``.
        grades: (entries,) relevance, at least 0.
        splits: (pictures,) name of the split each image belongs to; "" when the source names none.
    """

    pictures: tuple[Picture, ...]
    queries: tuple[str, ...]
    languages: tuple[str, ...]
    offsets: Positions
    items: Positions
    grades: Grades
    splits: tuple[str, ...]

    def __post_init__(self) -> None:
        entries = len(self.items)
        whole = (
            len(self.languages) == len(self.queries) == len(self.offsets) - 1
            and len(self.splits) == len(self.pictures)
            and len(self.grades) == entries
            and int(self.offsets[0]) == 0
            and int(self.offsets[-1]) == entries
            and bool((np.diff(self.offsets) >= 0).all())
            and (entries == 0 or 0 <= int(self.items.min()) <= int(self.items.max()) < len(self.pictures))
        )
        if not whole:
            raise DataError("queries, lists and pictures do not fit together", reason="bad_lists")

    @property
    def query_of_entry(self) -> Positions:
        """(entries,) the query each entry belongs to."""
        return np.repeat(np.arange(len(self.queries)), np.diff(self.offsets))

    def of_split(self, name: str) -> RelevanceData:
        """Only the images of one split, and the queries whose lists lie wholly in it.

        Raises:
            DataError: No image belongs to it; the message lists those there are.
        """
        kept = np.array([split == name for split in self.splits], dtype=bool)
        if not kept.any():
            found = ", ".join(sorted({split or "(none)" for split in self.splits}))
            raise DataError(f"no image belongs to split {name!r}; found: {found}", reason="unknown_split")
        inside = np.ones(len(self.queries), dtype=bool)
        inside[self.query_of_entry[~kept[self.items]]] = False
        return self.select(np.flatnonzero(inside), np.flatnonzero(kept))

    def of_languages(self, languages: Sequence[str]) -> RelevanceData:
        """Only the queries of some languages; every image stays."""
        wanted = [i for i, language in enumerate(self.languages) if language in languages]
        return self.select(np.array(wanted, dtype=np.int64), np.arange(len(self.pictures)))

    def select(self, queries: Positions, pictures: Positions) -> RelevanceData:
        """Keep some queries and images; entries whose image is not kept are dropped."""
        place = np.full(len(self.pictures), -1, dtype=np.int64)
        place[pictures] = np.arange(len(pictures))
        spans = [np.arange(self.offsets[i], self.offsets[i + 1]) for i in queries]
        kept = [span[place[self.items[span]] >= 0] for span in spans]
        entries = np.concatenate(kept) if kept else np.empty(0, np.int64)
        return RelevanceData(
            tuple(self.pictures[i] for i in pictures),
            tuple(self.queries[i] for i in queries),
            tuple(self.languages[i] for i in queries),
            np.concatenate([[0], np.cumsum([len(span) for span in kept], dtype=np.int64)]).astype(np.int64),
            place[self.items[entries]],
            self.grades[entries],
            tuple(self.splits[i] for i in pictures),
        )


@dataclass(frozen=True)
class ClassData:
    """Images of known classes.

    Attributes:
        pixels: (n, height, width) or (n, height, width, 3) uint8; None when the images are files.
        pictures: The files when ``pixels`` is None.
        labels: (n,) class numbers.
        class_names: Name of each class.
        splits: (n,) name of the split each image belongs to.
    """

    pixels: npt.NDArray[np.uint8] | None
    pictures: tuple[Picture, ...]
    labels: Positions
    class_names: tuple[str, ...]
    splits: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)
