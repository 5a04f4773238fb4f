"""Judged candidates: features, grades, and the query each belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.errors import RankerError

Features = npt.NDArray[np.float64]
Grades = npt.NDArray[np.int64]
Queries = npt.NDArray[np.int64]

MAX_GRADE = 4
"""Largest grade; the gain of grade g is 2^g - 1."""


@dataclass(frozen=True, slots=True)
class JudgedCandidates:
    """What a ranker learns from; the rows of a query stand together.

    Attributes:
        names: (m,) features.
        features: (n, m); NaN is unknown.
        grades: (n,) 0 to MAX_GRADE.
        queries: (n,) number of the query each row belongs to, ascending.
    """

    names: tuple[str, ...]
    features: Features
    grades: Grades
    queries: Queries

    def __post_init__(self) -> None:
        n = len(self.grades)
        if self.features.shape != (n, len(self.names)) or self.queries.shape != (n,):
            raise RankerError(
                f"expected features ({n}, {len(self.names)}) and {n} queries, got {self.features.shape} and "
                f"{self.queries.shape}",
                reason="bad_candidates",
            )
        if n and (np.diff(self.queries) < 0).any():
            raise RankerError("the rows of a query must stand together", reason="bad_candidates")
        if n and not (self.grades.min() >= 0 and self.grades.max() <= MAX_GRADE):
            raise RankerError(
                f"grades are 0 to {MAX_GRADE}, got {self.grades.min()} to {self.grades.max()}",
                reason="bad_candidates",
            )
        if np.isinf(self.features).any():
            name = self.names[int(np.isinf(self.features).any(axis=0).argmax())]
            raise RankerError(
                f"feature {name} is infinite somewhere; unknown values are NaN", reason="bad_candidates"
            )

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Rows of each query, in order."""
        sizes: npt.NDArray[np.int64] = np.unique(self.queries, return_counts=True)[1].astype(np.int64)
        return sizes

    def of_queries(self, chosen: npt.NDArray[np.int64]) -> JudgedCandidates:
        """The rows of some queries."""
        kept = np.isin(self.queries, chosen)
        return JudgedCandidates(self.names, self.features[kept], self.grades[kept], self.queries[kept])

    def each_query(self) -> Iterator[slice]:
        """The rows of one query after the other."""
        ends = np.cumsum(self.sizes)
        for start, end in zip(ends - self.sizes, ends, strict=True):
            yield slice(int(start), int(end))


def folds(queries: Queries, count: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Split queries, never rows, into parts of like size.

    Raises:
        RankerError: There are fewer queries than parts.
    """
    distinct = np.unique(queries)
    if len(distinct) < count:
        raise RankerError(
            f"{len(distinct)} judged queries are too few for {count} folds; judge more queries",
            reason="too_few_queries",
        )
    return [
        np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(distinct), count)
    ]
