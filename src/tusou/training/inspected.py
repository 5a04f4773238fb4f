"""Look at every picture once before a run: leave out what cannot be decoded, find near duplicates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tusou.training.data.digest import data_digest
from tusou.training.data.inspection import Inspection, inspect_pictures
from tusou.training.data.near_duplicates import near_duplicate_pairs
from tusou.training.data.problems import Problems
from tusou.training.data.pruning import without_damaged
from tusou.training.data.relevance import Positions, RelevanceData

_log = logging.getLogger(__name__)


def inspected(
    data: RelevanceData, cache: Path, report: Callable[[float], None] = lambda _: None
) -> tuple[RelevanceData, Inspection]:
    """Leave out pictures that cannot be decoded, and say so; what was found is kept for the next run.

    Args:
        data: As read.
        cache: Folder of caches.
        report: Called with the part done.

    Returns:
        The data that can be used, and what was found of its pictures.

    Raises:
        DataError: Nothing is left.
    """
    problems = Problems()
    path = cache / f"inspection-{data_digest(data)[:16]}.npz"
    found = _load(path) or inspect_pictures(data.pictures, problems, report=report)
    if not path.exists():
        _save(path, found)
    if found.good.all():
        return data, found
    kept = without_damaged(data, found.good, problems)
    assert isinstance(kept, RelevanceData)
    _log.warning(
        "%d of %d images cannot be decoded and are left out, first: %s; all: `tusou data check --images`",
        int((~found.good).sum()),
        len(found.good),
        data.pictures[int(np.flatnonzero(~found.good)[0])].key,
    )
    return kept, found.only_good()


def duplicates_within(found: Inspection, kept: Positions) -> Positions:
    """(pairs, 2) near duplicates among some pictures, as positions in ``kept``."""
    part = Inspection(found.good[kept], found.fingerprints[kept], found.qualities[kept])
    return near_duplicate_pairs(part)


def _save(path: Path, found: Inspection) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    with temporary.open("wb") as stream:
        np.savez(stream, good=found.good, fingerprints=found.fingerprints, qualities=found.qualities)
    temporary.replace(path)


def _load(path: Path) -> Inspection | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        return Inspection(file["good"], file["fingerprints"], file["qualities"])
