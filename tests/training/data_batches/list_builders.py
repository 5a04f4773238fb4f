"""Relevance data written as a table: query to the grades of its list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tusou.training.data.relevance import FilePicture, RelevanceData

Lists = Sequence[tuple[str, Mapping[int, float]]]
"""(query, grade of each image of its list)."""


def graded(lists: Lists, images: int) -> RelevanceData:
    """Queries with graded lists over so many images; pictures are never read."""
    sizes = [len(entries) for _, entries in lists]
    return RelevanceData(
        tuple(FilePicture(f"{i}.jpg", Path(f"{i}.jpg")) for i in range(images)),
        tuple(query for query, _ in lists),
        ("",) * len(lists),
        np.cumsum([0, *sizes], dtype=np.int64),
        np.array([item for _, entries in lists for item in entries], dtype=np.int64),
        np.array([grade for _, entries in lists for grade in entries.values()], dtype=np.float32),
        ("",) * images,
    )


def captions(count: int, images: int) -> RelevanceData:
    """So many different captions, dealt out to the images in turn."""
    return graded([(f"caption {i}", {i % images: 1.0}) for i in range(count)], images)
