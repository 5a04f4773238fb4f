"""Rows the catalog has deleted while the index does not know it yet: they must not appear."""

from __future__ import annotations

import numpy as np

from tusou.catalog.catalog import Catalog
from tusou.types import Rows

_PAGE = 10_000  # changes read at a time


class DeadRows:
    """Follows the catalog's changes ahead of the index; each change is read once.

    Args:
        catalog: Where deletions are told.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen = 0
        self._deleted: dict[int, int] = {}  # row to the number of the change

    def follow(self, watermark: int) -> Rows:
        """Rows deleted by changes after the watermark, ascending."""
        self._seen = max(self._seen, watermark)
        while changes := self._catalog.changes(self._seen, _PAGE):
            self._deleted.update({change.row: change.number for change in changes if change.kind == "delete"})
            self._seen = changes[-1].number
        self._deleted = {row: number for row, number in self._deleted.items() if number > watermark}
        return np.array(sorted(self._deleted), np.int64)
