"""The data of learning to rank on ready features: LETOR's queries, rows and grades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.training.data.relevance import Grades, Positions


@dataclass(frozen=True)
class LetorData:
    """Rows of features, grouped by query.

    Attributes:
        features: (rows, dims) float32, all finite.
        grades: (rows,) relevance, at least 0.
        offsets: (queries + 1,) rows of query i are offsets[i] to offsets[i + 1].
        query_ids: (queries,) as the source names them.
        row_names: (rows,) the comment behind each row, usually a document id; may be empty.
        splits: (queries,) name of the split each query belongs to; "" when the source names none.
    """

    features: npt.NDArray[np.float32]
    grades: Grades
    offsets: Positions
    query_ids: tuple[str, ...]
    row_names: tuple[str, ...]
    splits: tuple[str, ...]

    def select(self, queries: Positions) -> LetorData:
        """Keep some queries, in the order given."""
        spans = [np.arange(self.offsets[i], self.offsets[i + 1]) for i in queries]
        rows = np.concatenate(spans) if spans else np.empty(0, np.int64)
        return LetorData(
            self.features[rows],
            self.grades[rows],
            np.cumsum([0, *map(len, spans)], dtype=np.int64),
            tuple(self.query_ids[i] for i in queries),
            tuple(self.row_names[i] for i in rows),
            tuple(self.splits[i] for i in queries),
        )
