"""Small training data for tests: real image files, and the formats that name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tusou.training.data.relevance import FilePicture, RelevanceData


def jpeg(seed: int, side: int = 64) -> bytes:
    """A JPEG of soft coloured noise; another seed looks quite different."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", pixels)[1].tobytes())


def write_images(folder: Path, names: Iterable[str]) -> Path:
    """JPEG files of these names, each another picture."""
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed))
    return folder


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """Rows as JSON Lines; texts are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def captioned(
    lists: Sequence[tuple[str, Sequence[str]]],
    splits: dict[str, str] | None = None,
    extra: Iterable[str] = (),
) -> RelevanceData:
    """Relevance data out of (query, keys of its images), every grade 1; pictures are never read."""
    keys = list(dict.fromkeys([*(key for _, keys in lists for key in keys), *extra]))
    items = [keys.index(key) for _, of_query in lists for key in of_query]
    return RelevanceData(
        tuple(FilePicture(key, Path(key)) for key in keys),
        tuple(query for query, _ in lists),
        ("en",) * len(lists),
        np.cumsum([0, *(len(of_query) for _, of_query in lists)], dtype=np.int64),
        np.array(items, dtype=np.int64),
        np.ones(len(items), np.float32),
        tuple((splits or {}).get(key, "") for key in keys),
    )


def lists_of(data: RelevanceData) -> list[tuple[str, str, dict[str, float]]]:
    """Query, language and key to grade of every list, to compare with."""
    return [
        (
            query,
            data.languages[i],
            {
                data.pictures[item].key: float(grade)
                for item, grade in zip(
                    data.items[data.offsets[i] : data.offsets[i + 1]],
                    data.grades[data.offsets[i] : data.offsets[i + 1]],
                    strict=True,
                )
            },
        )
        for i, query in enumerate(data.queries)
    ]
