"""A library on disk: the folder that holds the truth and what is derived from it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from tusou.catalog.blobs import BlobStore
from tusou.catalog.catalog import Catalog
from tusou.catalog.durable import dump_json, storage_errors, sync_all, write_durably
from tusou.catalog.embeddings import EmbeddingStore
from tusou.catalog.jobs import JobLog
from tusou.catalog.lock import WriterLock
from tusou.catalog.thumbnails import ThumbnailStore
from tusou.config import Config, load_config
from tusou.errors import CatalogError, LibraryCorrupt, LibraryNotFound
from tusou.types import ImageRecord

MARKER = "tusou.json"
_FORMAT = 1


class Library:
    """An open library; use as a context manager.

    Attributes:
        path: The folder.
        library_id: Random name given at creation; tells a restored copy from another library.
        writer: This process holds the writer lock.
        config: Settings: ``tusou.toml`` of the folder, environment on top.
        catalog: Images, suppliers, changes.
        jobs: Ingest jobs and refusals.
        blobs: Originals that were copied.
        thumbnails: JPEG thumbnails.
        index_path: Folder of the derived indexes, one per model.
    """

    def __init__(self, path: Path, *, writer: bool) -> None:
        """Open a library folder; prefer Library.open, which says the same in words."""
        self.path = path
        self.library_id = _read_marker(path)
        self.writer = writer
        self.index_path = path / "index"
        self.config: Config = load_config(path / "tusou.toml")
        self._embeddings: dict[str, EmbeddingStore] = {}
        self._lock = WriterLock(path / "writer.lock") if writer else None
        try:
            self._open_stores()
        except BaseException:
            self._release()
            raise

    @classmethod
    def create(cls, path: Path | str) -> Self:
        """Make a new library and open it for writing.

        The folder appears complete or not at all.

        Raises:
            CatalogError: The path exists and is not an empty folder.
            StorageFull: The disk has no room.
        """
        path = Path(path).absolute()
        if (path / MARKER).exists():
            raise CatalogError(f"{path} holds a library already", reason="library_exists")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise CatalogError(
                f"{path} exists and is no tusou library ({MARKER} is missing); choose a new folder, "
                "or mount the disk that belongs here",
                reason="not_a_library",
            )
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.new-{os.getpid()}")
            try:
                _fill(draft)
                draft.replace(path)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            sync_all([path.parent])
        return cls(path, writer=True)

    @classmethod
    def open(cls, path: Path | str, *, writer: bool = False) -> Self:
        """Open an existing library.

        Args:
            path: Its folder.
            writer: Take the writer lock, and finish what a crashed writer left.

        Raises:
            LibraryNotFound: No library lies there.
            LibraryLocked: Another process is writing.
            LibraryCorrupt: The catalog is damaged.
        """
        return cls(Path(path).absolute(), writer=writer)

    def embeddings(self, model_id: str, dim: int) -> EmbeddingStore:
        """The kept embeddings of a model.

        Raises:
            DimensionMismatch: They have another dimension.
        """
        if model_id not in self._embeddings:
            folder = self.path / "embeddings" / model_id
            store = EmbeddingStore(folder, model_id, dim, self.catalog, writer=self.writer)
            self._embeddings[model_id] = store
        return self._embeddings[model_id]

    def index_folder(self, model_id: str) -> Path:
        """Folder of the index over a model's embeddings."""
        return self.index_path / model_id

    def original_path(self, record: ImageRecord) -> Path:
        """Where the bytes of an image lie: a blob, or the supplier's own file.

        Raises:
            ImageNotFound: The image is not in the catalog any more.
        """
        blob = self.blobs.path(record.sha256)
        if blob.is_file():
            return blob
        location = self.catalog.origin(record.image_id).location
        return Path(location) if location else blob

    def drop_unreferenced(self, digests: set[str]) -> None:
        """Delete blobs and thumbnails no image needs; the catalog decides at the moment of deletion."""
        self.blobs.delete(digests - self.catalog.referenced(digests, copied_only=True))
        self.thumbnails.delete(digests - self.catalog.referenced(digests))

    def close(self) -> None:
        """Release files and the writer lock; closing twice does nothing."""
        self.thumbnails.close()
        self.catalog.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_stores(self) -> None:
        catalog_path = self.path / "catalog.sqlite"
        if not catalog_path.is_file():
            raise LibraryCorrupt(
                f"{catalog_path} is missing; restore it from a backup (originals may be intact)"
            )
        self.catalog = Catalog(catalog_path, writer=self.writer)
        self.jobs = JobLog(self.catalog)
        self.blobs = BlobStore(self.path / "blobs")
        self.thumbnails = ThumbnailStore(self.path / "thumbnails.sqlite", writer=self.writer)
        if self.writer:
            self._recover()

    def _recover(self) -> None:
        """Finish what a crashed writer left: blobs in doubt, jobs without an end."""
        self.blobs.incoming.mkdir(parents=True, exist_ok=True)
        self.drop_unreferenced(set(self.blobs.in_doubt()))
        self.blobs.settle()
        self.jobs.close_abandoned()
        if (self.index_path / "manifest.json").exists():  # from before each model had an index of its own
            shutil.rmtree(self.index_path)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _read_marker(path: Path) -> str:
    marker = path / MARKER
    try:
        content = json.loads(marker.read_bytes())
        version, library_id = int(content["format"]), str(content["library_id"])
    except (FileNotFoundError, NotADirectoryError):
        raise LibraryNotFound(
            f"no tusou library at {path} ({MARKER} is missing); name one with --library or TUSOU_LIBRARY, or "
            "make one with `tusou ingest`"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise LibraryCorrupt(f"{marker} is damaged ({error!r}); restore it from a backup") from None
    if version > _FORMAT:
        raise CatalogError(f"{path} was made by a newer tusou; install that version", reason="newer_schema")
    return library_id


def _fill(draft: Path) -> None:
    """Write an empty library; the marker comes last."""
    draft.mkdir()
    BlobStore(draft / "blobs").create()
    (draft / "embeddings").mkdir()
    Catalog(draft / "catalog.sqlite", writer=True, create=True).close()
    ThumbnailStore(draft / "thumbnails.sqlite", writer=True).close()
    write_durably(draft / MARKER, dump_json({"format": _FORMAT, "library_id": secrets.token_hex(8)}))
