"""What every tokenizer offers: text to ids, rows of ids to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]


class TokenReader(Protocol):
    """Words to what a text tower reads; safe to share between threads."""

    def ids(self, text: str) -> list[int]:
        """Ids of one text: at least one, at most the manifest's ``max_tokens``, special ids included."""
        ...

    def batch(self, rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
        """Pad rows of ids to one length.

        Returns:
            ids (n, tokens) int64 and mask (n, tokens) int64, 1 where a token counts.
        """
        ...


def pad_rows(rows: Sequence[Sequence[int]], pad: int, width: int = 0) -> tuple[Ids, Ids]:
    """Pad rows of ids to the longest, or to ``width`` where that is more; see ``TokenReader.batch``."""
    width = max(width, *map(len, rows))
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask
