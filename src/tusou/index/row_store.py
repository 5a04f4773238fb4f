"""Rows on disk: fixed-size records, a journal of changed records, and the tokens of every row.

New rows are appended to ``records``; a change of an older row is appended to ``updates`` and wins over what
stands before it. When the journal has grown to a quarter of the rows, both are written anew under new names.
Nothing committed is ever changed in place, so a crash leaves the last commit as it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.errors import IndexCorrupt
from tusou.index.append_file import AppendFile, check_committed, read_committed
from tusou.index.base import IndexDocument
from tusou.index.columns import RECORD, UPDATE, Columns, Dictionaries, Records, record_of
from tusou.index.manifest import FileState, Manifest
from tusou.index.token_rows import Tokens, encode_tokens

PARTS = ("records", "updates", "tokens")
SMALL_JOURNAL = 1024
"""Changed records below which the journal is not folded into the records."""


class RowStore:
    """Columns and tokens of all rows, and what is to be written at the next commit.

    Args:
        folder: The index folder.
        manifest: The commit to load.
        writer: Open the files for appending.

    Attributes:
        columns: The attribute columns.
        tokens: The forward index' tokens, mapped from their file.
        mean_lengths: (CHANNELS,) mean number of tokens of a live row.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, writer: bool) -> None:
        self._folder = folder
        self._files = {part: manifest.files.get(part, FileState(f"{part}-0.bin")) for part in PARTS}
        self.columns = Columns(Dictionaries(manifest.dictionaries))
        self._load()
        self._pending: dict[int, Records] = {}
        self._pending_tokens: list[Tokens] = []
        self._token_end = len(self.tokens)
        self._superseded: list[str] = []
        self._appending: dict[str, AppendFile] = {}
        if writer:
            self._appending = {part: AppendFile(folder, state) for part, state in self._files.items()}

    def _load(self) -> None:
        if self._files["records"].size:
            self.columns.append(read_committed(self._folder, self._files["records"], RECORD))
        if self._files["updates"].size:
            self._apply(read_committed(self._folder, self._files["updates"], UPDATE))
        if self._files["tokens"].size and (problem := check_committed(self._folder, self._files["tokens"])):
            raise IndexCorrupt(problem)
        self._see_tokens()

    def _apply(self, updates: Records) -> None:
        rows, last = np.unique(updates["row"][::-1], return_index=True)  # the last entry of a row wins
        self.columns.put(rows.astype(np.int64), updates["record"][::-1][last])

    def _see_tokens(self) -> None:
        state, columns = self._files["tokens"], self.columns
        path, shape = self._folder / state.name, (state.size // 4,)
        self.tokens: Tokens = np.memmap(path, "<u4", "r", shape=shape) if state.size else np.empty(0, "<u4")
        counts = columns["token_counts"][columns.live]
        self.mean_lengths: npt.NDArray[np.float64] = counts.sum(axis=0) / max(len(counts), 1)

    def follow(self, manifest: Manifest) -> bool:
        """Load what a later commit appended; False when files were written anew and all must be loaded."""
        if any(manifest.files[part].name != self._files[part].name for part in PARTS):
            return False
        before, self._files = self._files, {part: manifest.files[part] for part in PARTS}
        self.columns.dictionaries = Dictionaries(manifest.dictionaries)
        starts = {part: before[part].size // kind.itemsize for part, kind in _KINDS.items()}
        self.columns.append(read_committed(self._folder, self._files["records"], RECORD, starts["records"]))
        self._apply(read_committed(self._folder, self._files["updates"], UPDATE, starts["updates"]))
        self._see_tokens()
        return True

    def upsert(self, document: IndexDocument) -> bool:
        """Keep a row's record and tokens for the next commit; True when the row was there before."""
        known = self._knows(document.row)
        record = record_of(document, self.columns.dictionaries)
        tokens, counts = encode_tokens(document.fields)
        record["token_start"], record["token_counts"] = self._token_end, counts
        self._token_end += len(tokens)
        self._pending_tokens.append(tokens)
        self._pending[document.row] = record
        return known

    def delete(self, row: int) -> bool:
        """Take a row out at the next commit; False when there is no such row."""
        if not self._knows(row):
            return False
        self._pending[row] = np.zeros(1, RECORD)
        return True

    def _knows(self, row: int) -> bool:
        if row in self._pending:
            return bool(self._pending[row]["live"][0])
        return 0 <= row < self.columns.rows and bool(self.columns.live[row])

    def commit(self) -> dict[str, Any]:
        """Write and sync what is pending; what the manifest should say of it.

        It becomes visible here as well; the caller writes the manifest next.
        """
        columns = self.columns
        new = {row: record for row, record in self._pending.items() if row >= columns.rows}
        changed = {row: record for row, record in self._pending.items() if row < columns.rows}
        if new:
            fresh = np.zeros(max(new) + 1 - columns.rows, RECORD)  # rows never delivered stay dead
            for row, record in new.items():
                fresh[row - columns.rows] = record[0]
            self._appending["records"].append(fresh)
        updates = np.zeros(len(changed), UPDATE)
        for place, (row, record) in enumerate(sorted(changed.items())):
            updates[place]["row"], updates[place]["record"] = row, record[0]
        self._appending["updates"].append(updates)
        for tokens in self._pending_tokens:
            self._appending["tokens"].append(tokens)
        self._apply(updates)
        if new:
            columns.append(fresh)
        self._pending, self._pending_tokens = {}, []
        self._fold()
        self._files = {part: file.sync() for part, file in self._appending.items()}
        self._see_tokens()
        return {
            "rows": columns.rows,
            "live": int(np.count_nonzero(columns.live)),
            "dictionaries": columns.dictionaries.as_dict(),
            "files": dict(self._files),
        }

    def _fold(self) -> None:
        """Write records and journal anew once the journal has grown to a quarter of the rows."""
        for name in self._superseded:  # named by the manifest before the last: readers have moved on
            (self._folder / name).unlink(missing_ok=True)
        self._superseded = []
        entries = self._appending["updates"].size // UPDATE.itemsize
        if entries <= max(SMALL_JOURNAL, self.columns.rows // 4):
            return
        for part in ("records", "updates"):
            stem, _, number = self._files[part].name.removesuffix(".bin").rpartition("-")
            self._superseded.append(self._files[part].name)
            self._appending[part].close()
            self._appending[part] = AppendFile(self._folder, FileState(f"{stem}-{int(number) + 1}.bin"))
        self._appending["records"].append(self.columns.records())

    def close(self) -> None:
        """Release the files."""
        for file in self._appending.values():
            file.close()


_KINDS = {"records": RECORD, "updates": UPDATE}
