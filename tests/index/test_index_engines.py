"""Every engine passes the contract."""

from __future__ import annotations

from pathlib import Path

from index_builders import EmbeddedShelf, ExactShelf, Shelf, unit_rows
from index_contract import ROWS, IndexContract, OracleContract


class TestEmbeddedIndex(OracleContract):
    @staticmethod
    def make_shelf(folder: Path) -> Shelf:
        return EmbeddedShelf(folder, unit_rows(ROWS))


class TestExactIndex(IndexContract):
    """The oracle is right where the answer can be worked out by hand."""

    @staticmethod
    def make_shelf(folder: Path) -> Shelf:  # noqa: ARG004 # kept in memory
        return ExactShelf(unit_rows(ROWS))
