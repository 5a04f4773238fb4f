"""The embedded engine: tantivy for words, FAISS codes for vectors, columns for filters, in one folder."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from tusou.errors import IndexCorrupt, IndexStale, StorageFull, VectorIndexError
from tusou.index.append_file import check_committed
from tusou.index.base import IndexDocument, NearPairs, ScoredRows, TextClause, TextQuery, VectorRows
from tusou.index.manifest import REBUILD, Manifest, manifest_stamp, read_manifest, write_manifest
from tusou.index.row_files import RowWriter, load_rows
from tusou.index.snapshot import Snapshot
from tusou.index.text_index import TextIndex
from tusou.index.vector_codes import load_codes, write_codes
from tusou.types import Embeddings, Filters, Mask, Rows

TEXT_FOLDER = "text"


class EmbeddedIndex:
    """Index protocol over local files; one writer and any number of readers, see base.Index.

    A search reads one Snapshot, replaced as a whole by commit() and refresh(), so threads may search while
    another refreshes.

    Attributes:
        dim: Length of an embedding.
        folder: Where the files are.
    """

    def __init__(self, path: Path, vectors: VectorRows, model_id: str, *, writer: bool) -> None:
        """Use open()."""
        self.folder, self.dim = path, vectors.dim
        self._vectors, self._model_id, self._writer = vectors, model_id, writer
        self._text: TextIndex | None = None
        self._snapshot = self._latest(None)
        self._rows: RowWriter | None = None
        if writer:
            self._rows = RowWriter(path, self._snapshot.manifest, self._snapshot.data.columns)

    @classmethod
    def open(cls, path: Path, rows: VectorRows, model_id: str, *, writer: bool = False) -> Self:
        """Open an index folder, or start an empty one when nothing was committed there.

        Args:
            path: The index folder; a writer makes it.
            rows: The kept embeddings.
            model_id: Model whose embeddings these are.
            writer: Open for upsert, delete and commit; the caller sees to it that there is only one.

        Raises:
            IndexStale: The index belongs to another model, dimension or schema.
            IndexCorrupt: A file does not match its manifest.
        """
        if writer:
            path.mkdir(parents=True, exist_ok=True)
        return cls(path, rows, model_id, writer=writer)

    def _latest(self, before: Snapshot | None) -> Snapshot:
        """Load the last commit, reading only what came since an earlier one."""
        while True:
            self._stamp = manifest_stamp(self.folder)
            manifest = self._read_manifest()
            try:
                return self._load(manifest, before)
            except IndexCorrupt:
                if manifest_stamp(self.folder) == self._stamp:
                    raise  # otherwise a writer took away files that its newer commit no longer names

    def _read_manifest(self) -> Manifest:
        manifest = read_manifest(self.folder) or Manifest(self._model_id, self.dim, uuid.uuid4().hex)
        if (manifest.model_id, manifest.dim) != (self._model_id, self.dim):
            raise IndexStale(
                f"{self.folder}: built for {manifest.model_id} ({manifest.dim} dimensions), "
                f"asked for {self._model_id} ({self.dim}); {REBUILD}"
            )
        return manifest

    def _load(self, manifest: Manifest, before: Snapshot | None) -> Snapshot:
        """The snapshot of a commit."""
        if before is not None and before.manifest.identity == manifest.identity:
            rows = load_rows(self.folder, manifest, (before.manifest, before.data))
            codes = load_codes(self.folder, manifest, (before.manifest, before.codes))
        else:
            rows, codes = load_rows(self.folder, manifest), load_codes(self.folder, manifest)
            self._text = self._open_text(manifest)
        text = self._text.reader() if self._text is not None else None
        return Snapshot(manifest, self._vectors, rows, codes, text)

    def _open_text(self, manifest: Manifest) -> TextIndex | None:
        if not (self._writer or manifest.generation):
            return None  # nothing was ever committed, and a reader makes no files
        folder = self.folder / TEXT_FOLDER
        return TextIndex(folder, manifest.text_opstamp, manifest.rows, writer=self._writer)

    @property
    def embedded(self) -> int:
        """Rows that have an embedding so far; only these can be put."""
        return len(self._vectors)

    @property
    def watermark(self) -> int:
        """Catalog change number of the last commit; 0 for an empty index."""
        return self._snapshot.manifest.watermark

    def __len__(self) -> int:
        """Live rows."""
        return self._snapshot.manifest.live

    def upsert(self, documents: Sequence[IndexDocument]) -> None:
        """Add rows or replace their text and attributes; seen after commit().

        Raises:
            VectorIndexError: A row has no embedding, or one that is not finite.
        """
        text, rows = self._writing()
        self._check_embeddings([document.row for document in documents])
        for document in documents:
            text.put(document.row, document.fields, replace=rows.upsert(document))

    def _check_embeddings(self, rows: Sequence[int]) -> None:
        if not rows:
            return
        if min(rows) < 0 or max(rows) >= len(self._vectors):
            raise VectorIndexError(f"rows {min(rows)} to {max(rows)}: embeddings end at {len(self._vectors)}")
        finite = np.isfinite(self._vectors.take(np.array(rows))).all(axis=1)
        if not finite.all():
            row = rows[int(np.argmin(finite))]
            raise VectorIndexError(f"row {row}: its embedding holds NaN; encode the image again")

    def delete(self, rows: Sequence[int]) -> None:
        """Take rows out; seen after commit()."""
        text, writer = self._writing()
        for row in rows:
            if writer.delete(row):
                text.delete(row)

    def commit(self, watermark: int) -> None:
        """Make everything since the last commit durable, then visible, under one manifest.

        Raises:
            StorageFull: The disk has no room; the last commit stands, and this one may be tried again.
        """
        text, rows = self._writing()
        before = self._snapshot
        try:
            manifest = self._write(text, rows, before.manifest, watermark)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StorageFull(f"{self.folder}: the disk has no room for the index") from error
            raise
        self._snapshot = self._load(manifest, before)
        rows.published(manifest, self._snapshot.data.columns)
        self._sweep(before.manifest, manifest)

    def _write(self, text: TextIndex, rows: RowWriter, before: Manifest, watermark: int) -> Manifest:
        opstamp = text.commit()
        codes, trained_rows = write_codes(self.folder, before, self._vectors, rows.rows)
        files, dictionaries, live = rows.write()
        manifest = replace(
            before,
            generation=before.generation + 1,
            watermark=watermark,
            rows=rows.rows,
            live=live,
            text_opstamp=opstamp,
            dictionaries=dictionaries,
            trained_rows=trained_rows,
            files={**codes, **files},
        )
        write_manifest(self.folder, manifest)
        return manifest

    def _sweep(self, *manifests: Manifest) -> None:
        """Remove files that neither of the last two commits names; readers have moved on from them."""
        named = {state.name for manifest in manifests for state in manifest.files.values()}
        for path in self.folder.glob("*.bin"):
            if path.name not in named:
                path.unlink()

    def refresh(self) -> bool:
        """See what another process committed; True when something changed."""
        if self._writer or manifest_stamp(self.folder) == self._stamp:
            return False
        self._snapshot = self._latest(self._snapshot)
        return True

    def mask(self, filters: Filters) -> Mask | None:
        """Live rows that satisfy the filters exactly; None when the filters are empty (all live rows)."""
        return self._snapshot.mask(filters)

    def search_vectors(self, embedding: Embeddings, depth: int, mask: Mask | None = None) -> ScoredRows:
        """The rows of largest cosine with one embedding (dim,), scores re-computed from the kept rows."""
        return self._snapshot.search_vectors(embedding, depth, mask)

    def search_text(self, query: TextQuery, depth: int, mask: Mask | None = None) -> ScoredRows:
        """The rows of largest BM25 summed over fields; exclusions and the mask applied before scoring."""
        return self._snapshot.search_text(query, depth, mask)

    def text_mask(self, query: TextQuery) -> Mask | None:
        """Live rows that satisfy must and must_not; None when there are neither."""
        return self._snapshot.text_mask(query)

    def field_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per field of given rows, (n, len(FIELDS)), unweighted; 0 where a field does not match."""
        return self._snapshot.field_scores(query, rows)

    def clause_scores(self, query: TextQuery, rows: Rows) -> npt.NDArray[np.float32]:
        """BM25 per clause (should, then must) and field of given rows, (clauses, n, len(FIELDS))."""
        return self._snapshot.clause_scores(query, rows)

    def cosines(self, embedding: Embeddings, rows: Rows) -> npt.NDArray[np.float32]:
        """Exact cosine (of the kept float16 rows) of given rows with one embedding, (n,)."""
        return self._snapshot.cosines(embedding, rows)

    def embeddings(self, rows: Rows) -> Embeddings:
        """The kept embeddings of given rows, (n, dim)."""
        return self._snapshot.embeddings(rows)

    def phrases(self, clause: TextClause, rows: Rows) -> Mask:
        """Whether words and bigrams stand next to each other in order, (n, len(FIELDS)); see base.Index."""
        return self._snapshot.phrases(clause, rows)

    def features(self, rows: Rows, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Query-independent features of given rows, (n, len(names)), NaN when unknown."""
        return self._snapshot.features(rows, names)

    def suppliers(self, rows: Rows) -> Rows:
        """A number for each row's supplier, (n,)."""
        return self._snapshot.suppliers(rows)

    def search_fingerprints(
        self, fingerprint: bytes, max_distance: int, mask: Mask | None = None
    ) -> ScoredRows:
        """Rows whose fingerprint differs in at most max_distance bits; score is 1 - distance / 256."""
        return self._snapshot.search_fingerprints(fingerprint, max_distance, mask)

    def near_pairs(self, rows: Rows, max_distance: int) -> NearPairs:
        """Pairs among a few hundred rows whose fingerprints differ in at most max_distance bits."""
        return self._snapshot.near_pairs(rows, max_distance)

    def facets(self, rows: Rows | None, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Count values of attributes over rows; see base.Index."""
        return self._snapshot.facets(rows, names)

    def verify(self) -> list[str]:
        """Problems found by comparing every file with its manifest; empty when sound."""
        problems = [check_committed(self.folder, state) for state in self._snapshot.manifest.files.values()]
        if self._text is not None:
            problems += self._text.problems()
        return [problem for problem in problems if problem is not None]

    def close(self) -> None:
        """Release files; uncommitted writes are lost."""
        if self._text is not None:
            self._text.close()
        self._rows = None

    def _writing(self) -> tuple[TextIndex, RowWriter]:
        if self._text is None or self._rows is None:
            raise VectorIndexError("the index is not open for writing; open it with writer=True")
        return self._text, self._rows
