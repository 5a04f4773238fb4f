"""Keep the part of a data set that is wanted: one split, or only images that can be decoded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tusou.errors import DataError
from tusou.training.data.builder import nothing_usable
from tusou.training.data.letor import LetorData
from tusou.training.data.problems import Problems
from tusou.training.data.reading import Data
from tusou.training.data.relevance import ClassData, RelevanceData

Kept = npt.NDArray[np.bool_]


def of_split(data: Data, name: str) -> Data:
    """Only one split.

    Raises:
        DataError: Nothing belongs to it (``unknown_split``); the message lists the splits there are.
    """
    if isinstance(data, RelevanceData):
        return data.of_split(name)
    kept = np.array([split == name for split in data.splits], dtype=bool)
    if not kept.any():
        found = ", ".join(sorted({split or "(none)" for split in data.splits}))
        raise DataError(f"nothing belongs to split {name!r}; found: {found}", reason="unknown_split")
    return data.select(np.flatnonzero(kept)) if isinstance(data, LetorData) else _classes(data, kept)


def without_damaged(
    data: RelevanceData | ClassData, good: Kept, problems: Problems
) -> RelevanceData | ClassData:
    """Leave out images that cannot be decoded, and the lists that lose their last positive with them.

    Args:
        data: Images in files.
        good: (pictures,) as inspect_pictures found them.
        problems: Receives the lists that are left out.

    Raises:
        DataError: Nothing is left (``nothing_usable``).
    """
    if not good.any():
        raise nothing_usable(problems)
    if isinstance(data, ClassData):
        return _classes(data, good)
    positive = np.zeros(len(data.queries), bool)
    positive[data.query_of_entry[(data.grades > 0) & good[data.items]]] = True
    for i in np.flatnonzero(~positive):
        problems.add(f"query {data.queries[i]!r:.60}", "no_positive", "its relevant images are damaged")
    if not positive.any():
        raise nothing_usable(problems)
    return data.select(np.flatnonzero(positive), np.flatnonzero(good))


def _classes(data: ClassData, kept: Kept) -> ClassData:
    rows = np.flatnonzero(kept)
    return replace(
        data,
        pixels=None if data.pixels is None else data.pixels[rows],
        pictures=tuple(data.pictures[i] for i in rows) if data.pictures else (),
        labels=data.labels[rows],
        splits=tuple(data.splits[i] for i in rows),
    )
