"""Documents, embeddings and shelves (a place an engine keeps its index) for tests of the index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from exact_index import ExactIndex, MemoryRows, Place

from tusou.index.base import FieldTokens, Index, IndexDocument, TextClause, TextQuery
from tusou.index.embedded import EmbeddedIndex
from tusou.types import Swatch

DIM = 16
MODEL_ID = "test-1-00000000"
ENGLISH = ("red", "car", "snow", "mountain", "cat", "lake", "old", "tree")
CHINESE = ("红色", "汽车", "雪山", "猫咪", "湖泊", "老树")


def unit_rows(count: int, dim: int = DIM, seed: int = 0) -> npt.NDArray[np.float32]:
    """Random unit embeddings in a few clusters."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(count // 50, 3), dim))
    points = centres[rng.integers(0, len(centres), count)] + 0.7 * rng.standard_normal((count, dim))
    unit: npt.NDArray[np.float32] = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def words(text: str) -> FieldTokens:
    """Tokens of a text: words at blanks, bigrams and characters of Chinese words."""
    runs = text.split()
    chinese = [run for run in runs if not run.isascii()]
    bigrams = [run[i : i + 2] for run in chinese for i in range(len(run) - 1)]
    return FieldTokens(tuple(runs), (*bigrams, *"".join(chinese)))


def document(row: int, title: str = "", **values: Any) -> IndexDocument:
    """A document with a title and sensible attributes; keyword arguments replace fields."""
    given: dict[str, Any] = {
        "fields": {"title": words(title)} if title else {},
        "supplier": "atlas",
        "license": "CC0-1.0",
        "license_type": ("commercial", "modification"),
        "format": "jpeg",
        "width": 1200,
        "height": 800,
        "added": 1000.0 + row,
        "palette": (Swatch((204, 32, 38), 0.6),),
        "fingerprint": bytes([row % 256]) * 32,
        "fingerprint_quality": 90,
        "features": {"megapixels": 0.96},
    }
    return IndexDocument(row=row, **(given | values))


def random_documents(count: int, seed: int = 1) -> list[IndexDocument]:
    """Documents that differ in everything a query can ask for."""
    rng = np.random.default_rng(seed)
    made = []
    for row in range(count):
        texts = [" ".join(rng.choice(ENGLISH if row % 2 else CHINESE, rng.integers(1, 6))) for _ in range(3)]
        supplier = "rare" if row % 100 == 7 else "tenth" if row % 10 == 3 else f"s{row % 3}"
        colors = rng.integers(0, 256, (3, 3)).tolist()
        made.append(
            document(
                row,
                fields={
                    n: words(t) for n, t in zip(("title", "keywords", "description"), texts, strict=True)
                },
                supplier=supplier,
                license=("CC0-1.0", "CC-BY-4.0", "")[row % 3],
                license_type=((), ("commercial",), ("commercial", "modification"))[row % 3],
                format=("jpeg", "png")[row % 2],
                width=int(rng.integers(300, 5000)),
                height=int(rng.integers(300, 5000)),
                palette=tuple(
                    Swatch((r, g, b), s) for (r, g, b), s in zip(colors, (0.6, 0.3, 0.01), strict=True)
                ),
                fingerprint=rng.integers(0, 256, 32, np.uint8).tobytes(),
                fingerprint_quality=int(rng.integers(0, 100)),
                features={"megapixels": float(row), **({"authority": 0.5} if row % 2 else {})},
            )
        )
    return made


def ask(*should: str, must: Iterable[str] = (), must_not: Iterable[str] = ()) -> TextQuery:
    """A query of words; must and must_not are phrases."""
    return TextQuery(
        tuple(clause(text) for text in should),
        tuple(clause(text, phrase=True) for text in must),
        tuple(clause(text, phrase=True) for text in must_not),
    )


def clause(text: str, *, phrase: bool = False, weight: float = 1.0) -> TextClause:
    """A clause of a text: Chinese phrases by bigrams alone, Chinese words by both kinds."""
    runs = text.split()
    grams = tuple(run[i : i + 2] for run in runs if not run.isascii() for i in range(len(run) - 1))
    kept = tuple(run for run in runs if run.isascii()) if phrase else tuple(runs)
    return TextClause(kept, grams, phrase=phrase, weight=weight)


class Shelf(Protocol):
    """Where one engine keeps one index, to be opened again and again."""

    vectors: MemoryRows

    def open(self, *, writer: bool = False) -> Index: ...


class ExactShelf:
    def __init__(self, embeddings: npt.NDArray[np.float32]) -> None:
        self.vectors, self._place = MemoryRows(embeddings), Place()

    def open(self, *, writer: bool = False) -> Index:  # noqa: ARG002 # every ExactIndex may write
        return ExactIndex(self._place, self.vectors)


class EmbeddedShelf:
    def __init__(self, path: Path, embeddings: npt.NDArray[np.float32]) -> None:
        self.vectors, self.path = MemoryRows(embeddings), path

    def open(self, *, writer: bool = False) -> EmbeddedIndex:
        return EmbeddedIndex.open(self.path, self.vectors, MODEL_ID, writer=writer)


def filled(shelf: Shelf, documents: Sequence[IndexDocument]) -> Index:
    """A reader of the shelf after one commit of the documents."""
    with_documents(shelf, documents)
    return shelf.open()


def with_documents(shelf: Shelf, documents: Sequence[IndexDocument], watermark: int = 1) -> None:
    """Commit documents to a shelf."""
    writer = shelf.open(writer=True)
    writer.upsert(documents)
    writer.commit(watermark)
    writer.close()
