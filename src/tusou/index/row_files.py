"""Rows on disk: fixed-size records, a journal of changed records, and the tokens of every row.

New rows are appended to ``records``; a change of an older row is appended to ``updates`` and wins over what
stands before it. When the journal has grown to a quarter of the rows, both are written anew under new names.
Nothing committed is ever changed in place, so a crash leaves the last commit as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.errors import IndexCorrupt
from tusou.index.append_file import EMPTY, append, check_committed, read_committed, successor
from tusou.index.base import IndexDocument
from tusou.index.columns import Columns
from tusou.index.manifest import FileState, Manifest
from tusou.index.records import CHANNELS, RECORD, UPDATE, Dictionaries, Records, check_document, records_of
from tusou.index.token_rows import Tokens, encode_tokens
from tusou.types import Rows

PARTS = ("records", "updates", "tokens")
SMALL_JOURNAL = 1024
"""Changed records below which the journal is not folded into the records."""


@dataclass(frozen=True, slots=True)
class RowData:
    """Columns and tokens of one commit.

    Attributes:
        columns: The attribute columns.
        tokens: The forward index' tokens, mapped from their file.
        mean_lengths: (CHANNELS,) mean number of tokens of a live row.
    """

    columns: Columns
    tokens: Tokens
    mean_lengths: npt.NDArray[np.float64]


Loaded = tuple[Manifest, RowData]


def load_rows(folder: Path, manifest: Manifest, before: Loaded | None = None) -> RowData:
    """Read the rows of a commit.

    Args:
        folder: The index folder.
        manifest: The commit.
        before: An earlier commit and its rows; only what came since is read then.

    Raises:
        IndexCorrupt: A file does not match the manifest.
    """
    files = manifest.files
    if not files:
        return RowData(Columns(Dictionaries({})), np.empty(0, "<u4"), np.zeros(CHANNELS))
    if before is not None and _appended_only(before[0].files, files):
        start, columns = before[0].files, before[1].columns
    else:
        start, columns = dict.fromkeys(PARTS, EMPTY), Columns(Dictionaries({}))
        if problem := check_committed(folder, files["tokens"]):
            raise IndexCorrupt(problem)
    records = read_committed(folder, files["records"], RECORD, start["records"])
    updates = read_committed(folder, files["updates"], UPDATE, start["updates"])
    columns = columns.appended(records, Dictionaries(manifest.dictionaries))
    columns.put(*latest(updates))
    return RowData(columns, _map_tokens(folder, files["tokens"]), _mean_lengths(columns))


def _appended_only(before: dict[str, FileState], files: dict[str, FileState]) -> bool:
    return bool(before) and all(before[part].name == files[part].name for part in PARTS)


def latest(updates: Records) -> tuple[npt.NDArray[np.int64], Records]:
    """Rows of a journal, each once, with the last record it was given."""
    rows, last = np.unique(updates["row"][::-1], return_index=True)
    return rows.astype(np.int64), updates["record"][::-1][last]


def _map_tokens(folder: Path, state: FileState) -> Tokens:
    if not state.size:
        return np.empty(0, "<u4")
    return np.memmap(folder / state.name, "<u4", "r", shape=(state.size // 4,))


def _mean_lengths(columns: Columns) -> npt.NDArray[np.float64]:
    totals = columns["token_counts"].sum(axis=0, dtype=np.int64, where=columns.live[:, None])
    means: npt.NDArray[np.float64] = totals / max(int(np.count_nonzero(columns.live)), 1)
    return means


class RowWriter:
    """Changes of rows, gathered until the next commit.

    Args:
        folder: The index folder.
        manifest: The last commit.
        columns: Its columns.
    """

    def __init__(self, folder: Path, manifest: Manifest, columns: Columns) -> None:
        self._folder = folder
        self.published(manifest, columns)

    def published(self, manifest: Manifest, columns: Columns) -> None:
        """Go on from a commit that is now visible."""
        self._files = {p: manifest.files.get(p, FileState(f"{p}-0.bin")) for p in PARTS}
        self._dictionaries = Dictionaries(manifest.dictionaries)
        self._columns = columns
        self._pending: dict[int, IndexDocument | None] = {}

    def upsert(self, document: IndexDocument) -> bool:
        """Keep a row's document for the next commit; False when the row is beyond any before it."""
        check_document(document)
        known = document.row < self._columns.rows or document.row in self._pending
        self._pending[document.row] = document
        return known

    def delete(self, row: int) -> bool:
        """Take a row out at the next commit; False when there is no such row."""
        if row in self._pending:
            known = self._pending[row] is not None
        else:
            known = 0 <= row < self._columns.rows and bool(self._columns.live[row])
        if known:
            self._pending[row] = None
        return known

    @property
    def rows(self) -> int:
        """Rows there will be after the next commit."""
        return max(self._columns.rows, *(row + 1 for row in self._pending), 0)

    def write(self) -> tuple[dict[str, FileState], dict[str, list[str]], int]:
        """Write and sync what is pending; files, dictionaries and live rows to name in the manifest.

        What is pending stays so until published(), so that a commit that failed can be tried again.
        """
        rows = np.array(sorted(self._pending), np.int64)
        records, tokens = self._pending_records(rows)
        old, was_live = self._columns.rows, self._columns.live
        is_new = rows >= old
        fresh = np.zeros(self.rows - old, RECORD)  # rows that were never delivered stay dead
        fresh[rows[is_new] - old] = records[is_new]
        updates = np.zeros(int(np.count_nonzero(~is_new)), UPDATE)
        updates["row"], updates["record"] = rows[~is_new], records[~is_new]
        files = self._append(fresh, updates)
        files["tokens"] = append(self._folder, self._files["tokens"], [tokens])
        live = np.count_nonzero(was_live) - np.count_nonzero(was_live[updates["row"]])
        return files, self._dictionaries.as_dict(), int(live + np.count_nonzero(records["live"]))

    def _pending_records(self, rows: Rows) -> tuple[Records, Tokens]:
        """Records of the pending rows, zeros for deleted ones, and the tokens they point to."""
        documents = [document for row in rows.tolist() if (document := self._pending[row]) is not None]
        filled = records_of(documents, self._dictionaries)
        tokens, counts = encode_tokens([document.fields for document in documents])
        totals = counts.sum(axis=1, dtype=np.int64)
        filled["token_counts"] = counts
        filled["token_start"] = self._files["tokens"].size // 4 + np.cumsum(totals) - totals
        records = np.zeros(len(rows), RECORD)
        records[[self._pending[row] is not None for row in rows.tolist()]] = filled
        return records, tokens

    def _append(self, fresh: Records, updates: Records) -> dict[str, FileState]:
        """Append to records and journal, or fold the journal into the records and begin both anew."""
        files = self._files
        entries = files["updates"].size // UPDATE.itemsize + len(updates)
        if entries <= max(SMALL_JOURNAL, self._columns.rows // 4):
            new = {"records": (files["records"], [fresh]), "updates": (files["updates"], [updates])}
        else:
            records = self._columns.records()
            records[updates["row"]] = updates["record"]
            begun = {part: successor(files[part].name) for part in ("records", "updates")}
            new = {"records": (begun["records"], [records, fresh]), "updates": (begun["updates"], [])}
        return {part: append(self._folder, state, arrays) for part, (state, arrays) in new.items()}
