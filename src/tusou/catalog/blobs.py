"""Originals that were copied, each a file named by the SHA-256 of its bytes."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tusou.catalog.durable import storage_errors, sync_all
from tusou.errors import LibraryCorrupt

_staged = itertools.count()  # two items of the same bytes must not write into one file


class BlobStore:
    """Content-addressed files below ``blobs/ab/cd/``.

    A blob arrives in ``incoming`` (stage, from any process) and is published (fsync, rename) by the writer.
    Names in ``in_doubt`` are about to be published or deleted; after a crash the next writer keeps those
    the catalog needs and deletes the others, so nothing stays behind.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self._in_doubt = root / "in_doubt"

    def create(self) -> None:
        """Make the folders of a new store."""
        self.incoming.mkdir(parents=True)

    def path(self, sha256: str) -> Path:
        """Where a blob lies, whether or not it is there."""
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def stage(self, sha256: str, data: bytes) -> Path:
        """Write bytes into ``incoming``, not yet durable; safe from several processes at once.

        Raises:
            StorageFull: The disk has no room.
        """
        target = self.incoming / f"{sha256}.{os.getpid()}.{next(_staged)}"
        with storage_errors(self.root):
            try:
                target.write_bytes(data)
            except OSError:
                target.unlink(missing_ok=True)
                raise
        return target

    def publish(self, staged: Iterable[tuple[str, Path]]) -> None:
        """Make staged blobs durable under their names: fsync all, rename all, fsync the folders.

        Raises:
            StorageFull: The disk has no room.
        """
        staged = list(staged)
        folders: set[Path] = set()
        with storage_errors(self.root):
            sync_all(source for _, source in staged)  # first: a name must never show unfinished bytes
            for sha256, source in staged:
                target = self.path(sha256)
                if not target.parent.is_dir():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    folders |= {self.root, target.parent.parent}
                source.replace(target)
                folders.add(target.parent)
            sync_all(folders)

    def put(self, data: bytes) -> str:
        """Store bytes durably; returns their SHA-256.

        Raises:
            StorageFull: The disk has no room.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self:
            self.publish([(sha256, self.stage(sha256, data))])
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of a blob.

        Raises:
            LibraryCorrupt: The blob is missing.
        """
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError:
            raise LibraryCorrupt(
                f"blob {self.path(sha256)} is missing; run `tusou check`, then ingest its source again"
            ) from None

    def digests(self) -> Iterator[str]:
        """Names of all blobs, in order."""
        for path in sorted(self.root.glob("??/??/*")):
            yield path.name

    def delete(self, digests: Iterable[str]) -> None:
        """Delete blobs; missing ones are ignored. The caller has checked that no image needs them."""
        for sha256 in digests:
            self.path(sha256).unlink(missing_ok=True)

    def mark_in_doubt(self, digests: Iterable[str]) -> None:
        """Note which blobs are about to be published or deleted."""
        with storage_errors(self.root):
            self._in_doubt.write_text("\n".join(digests), encoding="ascii")

    def in_doubt(self) -> list[str]:
        """Names noted by mark_in_doubt and not yet settled."""
        try:
            names = self._in_doubt.read_text(encoding="ascii", errors="replace").split()
        except FileNotFoundError:
            return []
        return [name for name in names if len(name) == 64 and name.isalnum()]

    def settle(self) -> None:
        """Nothing is in doubt any more; what is left in ``incoming`` belongs to nobody."""
        self._in_doubt.unlink(missing_ok=True)
        for leftover in self.incoming.iterdir():
            leftover.unlink()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
