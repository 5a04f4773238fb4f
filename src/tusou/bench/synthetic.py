"""A library of any size out of a seed: clustered embeddings, Zipf text in two languages, attributes.

Embeddings imitate those of two-tower models in what a vector index feels: they share a mean direction, their
spectrum falls off (standard deviation of the i-th principal direction ~ 1/sqrt(i)), and they lie in clusters
of very different size (a hundredth as many clusters as rows, sizes ~ 1/rank^0.7) that overlap: about half of
the variance lies between clusters, half within.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tusou.index.base import FieldTokens, IndexDocument, TextClause, TextQuery
from tusou.types import Embeddings, Swatch

VOCABULARY = 120_000
QUERY_RANKS = range(50, 5_000)
"""Tokens that queries ask for: more frequent ones would be stop words, rarer ones say little of the cost."""

FIRST_CHARACTER, CHARACTERS = 0x4E00, 2_000
TITLE, KEYWORDS, DESCRIPTION = 4, 6, 4
"""Tokens per field; with a creator and a file name there are sixteen in a document."""

TENTH, HUNDREDTH = "tenth", "hundredth"
"""Suppliers of 10 % and 1 % of the rows."""


@dataclass(frozen=True)
class SyntheticLibrary:
    """Rows 0 to rows - 1, the same for the same numbers.

    Attributes:
        rows: How many.
        dim: Length of an embedding.
        seed: Of every random choice.
    """

    rows: int
    dim: int
    seed: int = 7

    @cached_property
    def _space(self) -> tuple[npt.NDArray[np.float32], ...]:
        """Basis of the principal directions scaled by the spectrum, cluster centres, cluster sizes, mean."""
        rng = np.random.default_rng(self.seed)
        scale = np.arange(1, self.dim + 1) ** -0.5
        basis = np.linalg.qr(rng.standard_normal((self.dim, self.dim)))[0] * scale[:, None]
        clusters = max(self.rows // 100, 1)
        centres = rng.standard_normal((clusters, self.dim)) @ basis
        shares = np.arange(1, clusters + 1) ** -0.7
        mean = rng.standard_normal(self.dim)
        mean *= 0.7 * np.sqrt((scale**2).sum()) / np.linalg.norm(mean)
        return tuple(
            np.asarray(part, np.float32) for part in (basis, centres, np.cumsum(shares) / shares.sum(), mean)
        )

    def embeddings(self, count: int, stream: int, *, spread: float = 1.0) -> Embeddings:
        """Embeddings of the library's distribution; a wider spread makes queries that lie off the data.

        Args:
            count: How many.
            stream: Which ones; the same number gives the same embeddings.
            spread: Noise around the cluster centre, 1 for the library's own.
        """
        basis, centres, shares, mean = self._space
        rng = np.random.default_rng([self.seed, 1, stream])
        cluster = np.searchsorted(shares, rng.random(count, np.float32)).clip(max=len(centres) - 1)
        noise = rng.standard_normal((count, self.dim), np.float32) @ basis
        points = centres[cluster] + np.float32(spread) * noise + mean
        unit: Embeddings = points / np.linalg.norm(points, axis=1, keepdims=True)
        return unit

    def documents(self, start: int, stop: int) -> Iterator[IndexDocument]:
        """Documents of rows start to stop - 1; even rows are English, odd ones Chinese."""
        rng = np.random.default_rng([self.seed, 2, start])
        count = stop - start
        ranks = self._ranks(rng, (count, TITLE + KEYWORDS + DESCRIPTION))
        share, width = rng.random(count), rng.integers(600, 6000, count)
        height = rng.integers(600, 6000, count)
        colors = rng.integers(0, 256, (count, 4, 3))
        prints = rng.integers(0, 256, (count, 32), np.uint8)
        for place in range(count):
            row = start + place
            yield IndexDocument(
                row=row,
                fields=_fields(row, ranks[place].tolist()),
                supplier=HUNDREDTH if share[place] < 0.01 else TENTH if share[place] < 0.11 else "rest",
                license=("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0")[row % 3],
                license_type=("commercial", "modification"),
                format="jpeg",
                width=int(width[place]),
                height=int(height[place]),
                added=1.7e9 + row,
                palette=tuple(
                    Swatch((int(r), int(g), int(b)), 0.4 - 0.1 * i)
                    for i, (r, g, b) in enumerate(colors[place].tolist())
                ),
                fingerprint=prints[place].tobytes(),
                fingerprint_quality=90,
                features={"megapixels": width[place] * height[place] / 1e6, "authority": 0.5},
            )

    def queries(self, count: int) -> list[tuple[TextQuery, Embeddings]]:
        """Queries of one to three words, English and Chinese in turn, each with an embedding off the data."""
        rng = np.random.default_rng([self.seed, 3])
        embeddings = self.embeddings(count, 1 << 30, spread=3.0)
        answers = []
        for place in range(count):
            ranks = self._ranks(rng, (64,))
            wanted = [rank for rank in ranks.tolist() if rank in QUERY_RANKS][: 1 + place % 3]
            answers.append((TextQuery(tuple(_clause(place, rank) for rank in wanted)), embeddings[place]))
        return answers

    def _ranks(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Frequency ranks of tokens by Zipf's law."""
        weights = 1 / np.arange(1, VOCABULARY + 1)
        return np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(shape)).clip(max=VOCABULARY - 1)


def _clause(place: int, rank: int) -> TextClause:
    if place % 2 == 0:
        return TextClause(words=(f"w{rank}",))
    word = _chinese(rank)
    return TextClause(words=(word,), grams=(word,))


def _chinese(rank: int) -> str:
    """A word of two characters for every rank."""
    first, second = divmod(rank, CHARACTERS)
    return chr(FIRST_CHARACTER + second) + chr(FIRST_CHARACTER + (first * 37 + second * 11) % CHARACTERS)


def _fields(row: int, ranks: list[int]) -> dict[str, FieldTokens]:
    parts = {
        "title": ranks[:TITLE],
        "keywords": ranks[TITLE : TITLE + KEYWORDS],
        "description": ranks[TITLE + KEYWORDS :],
    }
    fields = {"creator": FieldTokens((f"c{row % 5000}",)), "filename": FieldTokens((f"f{row}",))}
    for name, chosen in parts.items():
        if row % 2 == 0:
            fields[name] = FieldTokens(tuple(f"w{rank}" for rank in chosen))
        else:
            words = tuple(_chinese(rank) for rank in chosen)
            run = "".join(words)
            fields[name] = FieldTokens(words, (*(run[i : i + 2] for i in range(len(run) - 1)), *run))
    return fields
