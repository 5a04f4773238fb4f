"""Read training data of any known format: look what it is, read it, count what was left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tusou.errors import DataError, SourceError
from tusou.training.data.letor import LetorData
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers import (
    captions_jsonl,
    clicks,
    coco,
    idx,
    image_folder,
    karpathy,
    letor,
    muge,
    npz,
    ubi,
    webdataset,
)
from tusou.training.data.relevance import ClassData, RelevanceData

_log = logging.getLogger(__name__)

Data = RelevanceData | ClassData | LetorData

FORMATS: dict[str, ModuleType] = {
    "captions": captions_jsonl,
    "clicks": clicks,
    "ubi": ubi,
    "muge": muge,
    "karpathy": karpathy,
    "coco": coco,
    "webdataset": webdataset,
    "npz": npz,
    "idx": idx,
    "letor": letor,
    "folder": image_folder,
}
"""Format, as ``--format`` takes it, to its reader; the first that recognises a source reads it."""


@dataclass(frozen=True)
class DataSource:
    """A source that was read.

    Attributes:
        path: Where it lies.
        format: A key of FORMATS: what it was recognised as, or read as on request.
        data: What can be used.
        problems: What was left out.
    """

    path: Path
    format: str
    data: Data
    problems: Problems


def read_data(
    path: Path,
    format: str | None = None,  # noqa: A002 - as on the command line
    *,
    languages: Sequence[str] = (),
    images: Path | None = None,
    sparse: bool = False,
) -> Data:
    """The data of a source; rows that cannot be used are left out and summed up in the log.

    Args: see read_source.
    """
    source = read_source(path, format, languages=languages, images=images, sparse=sparse)
    _log.info("%s: read as %s", path, source.format)
    if source.problems:
        _log.warning("%s: left out %s", path, source.problems.summary())
    return source.data


def read_source(
    path: Path,
    format: str | None = None,  # noqa: A002
    *,
    languages: Sequence[str] = (),
    images: Path | None = None,
    sparse: bool = False,
) -> DataSource:
    """Read a source and keep what is wrong with it.

    Args:
        path: A file or folder.
        format: A key of FORMATS; recognised by the source's shape when None.
        languages: Keep only queries of these ("en", "zh"); all when empty.
        images: Folder of the image files; found beside the source when None.
        sparse: Features a LETOR row leaves out are 0.

    Raises:
        DataError: It does not exist (``source_not_found``), is of no known format (``unknown_format``),
            cannot be read as a whole, or holds nothing usable (``nothing_usable``).
    """
    if not path.exists():
        raise DataError(f"{path} does not exist", reason="source_not_found")
    problems = Problems()
    try:
        name = format or recognise(path)
        data = _reader(name)(path, DataOptions(images, sparse), problems)
    except SourceError as error:
        raise DataError(f"{path}: {error}", reason=error.reason) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read as {name}: {error}", reason="unreadable") from error
    return DataSource(path, name, _of_languages(data, languages), problems)


def recognise(path: Path) -> str:
    """The format of a source by its kind, its name and its first bytes.

    Raises:
        DataError: None of those known (``unknown_format``).
    """
    for name, reader in FORMATS.items():
        if reader.recognises(path):
            return name
    raise DataError(
        f"{path}: not a kind of training data tusou knows; force one of {', '.join(FORMATS)} with --format",
        reason="unknown_format",
    )


def _reader(name: str) -> Callable[[Path, DataOptions, Problems], Data]:
    if name not in FORMATS:
        raise DataError(f"format {name!r} is unknown; formats: {', '.join(FORMATS)}", reason="unknown_format")
    read: Callable[[Path, DataOptions, Problems], Data] = FORMATS[name].read
    return read


def _of_languages(data: Data, languages: Sequence[str]) -> Data:
    if not languages or not isinstance(data, RelevanceData):
        return data
    kept = data.of_languages(languages)
    if not kept.queries:
        found = ", ".join(sorted(set(data.languages)))
        raise DataError(f"no query is in {', '.join(languages)}; found: {found}", reason="nothing_usable")
    return kept
