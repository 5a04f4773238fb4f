"""The library folder: creation, locking, recovery, damage."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, text

from search_builders import a_record
from tusou.catalog.blobs import BlobStore
from tusou.catalog.library import Library
from tusou.catalog.records import Batch, Origin
from tusou.catalog.schema import MIGRATIONS
from tusou.catalog.suppliers import add_supplier
from tusou.errors import (
    CatalogError,
    DimensionMismatch,
    LibraryCorrupt,
    LibraryLocked,
    LibraryNotFound,
    StorageFull,
)
from tusou.types import Supplier


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Library.create(tmp_path / "lib") as library:
        add_supplier(library.catalog, Supplier("acme"))
    return tmp_path / "lib"


def test_a_new_library_opens_again(path: Path) -> None:
    with Library.open(path) as first, Library.open(path) as second:
        assert first.library_id == second.library_id
        assert first.catalog.count() == 0
        assert not first.writer


def test_create_refuses_what_is_there(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="holds a library already"):
        Library.create(path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(CatalogError) as caught:
        Library.create(tmp_path / "other")
    assert caught.value.reason == "not_a_library"
    (tmp_path / "empty").mkdir()
    Library.create(tmp_path / "empty").close()


def test_an_unmounted_disk_is_not_written_to(path: Path) -> None:
    (path / "tusou.json").unlink()
    with pytest.raises(LibraryNotFound, match=r"tusou\.json"):
        Library.open(path, writer=True)
    with pytest.raises(LibraryNotFound):
        Library.open(path / "nowhere")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "x", "library_id": "y"}', '{"format": 1}'])
def test_a_damaged_marker(path: Path, content: str) -> None:
    (path / "tusou.json").write_text(content)
    with pytest.raises(LibraryCorrupt, match="restore"):
        Library.open(path)


def test_a_newer_library_is_refused(path: Path) -> None:
    marker = json.loads((path / "tusou.json").read_text())
    (path / "tusou.json").write_text(json.dumps(marker | {"format": 99}))
    with pytest.raises(CatalogError) as caught:
        Library.open(path)
    assert caught.value.reason == "newer_schema"


def test_a_newer_catalog_is_refused(path: Path) -> None:
    with Library.open(path, writer=True) as library, library.catalog.engine.begin() as connection:
        connection.execute(text("UPDATE counters SET value = 99 WHERE name = 'schema'"))
    with pytest.raises(CatalogError) as caught:
        Library.open(path, writer=True)
    assert caught.value.reason == "newer_schema"


def test_a_writer_migrates_and_a_reader_waits_for_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def add_column(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE suppliers ADD COLUMN since TEXT"))

    for module in ("catalog", "schema"):
        monkeypatch.setattr(f"tusou.catalog.{module}.SCHEMA_VERSION", len(MIGRATIONS) + 1)
    monkeypatch.setattr("tusou.catalog.schema.MIGRATIONS", [*MIGRATIONS, add_column])
    with pytest.raises(CatalogError) as caught:
        Library.open(path)
    assert caught.value.reason == "older_schema"
    Library.open(path, writer=True).close()
    with Library.open(path) as library, library.catalog.engine.connect() as connection:
        assert connection.scalar(text("SELECT since FROM suppliers")) is None


@pytest.mark.parametrize("damage", ["text", "header", "empty", "missing"])
def test_a_damaged_catalog(path: Path, damage: str) -> None:
    catalog = path / "catalog.sqlite"
    if damage == "text":
        catalog.write_text("not a database, but long enough to look at" * 50)
    elif damage == "header":
        catalog.write_bytes(b"\0" * 4096)
    elif damage == "empty":
        catalog.write_bytes(b"")
    else:
        catalog.unlink()
    for writer in (False, True):
        with pytest.raises(LibraryCorrupt, match=r"catalog\.sqlite.*restore"):
            Library.open(path, writer=writer)


def test_a_torn_page_is_found(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        library.catalog.apply(Batch(images=[(a_record(row), Origin()) for row in range(300)]))
    data = bytearray((path / "catalog.sqlite").read_bytes())
    for start in range(8192, len(data) - 2048, 8192):
        data[start : start + 2048] = b"\xa5" * 2048
    (path / "catalog.sqlite").write_bytes(data)

    def read_everything() -> None:
        with Library.open(path) as library:
            for row in range(0, 300, 10):
                library.catalog.get_rows([row])

    with pytest.raises(LibraryCorrupt, match="restore the file from a backup"):
        read_everything()


def test_a_second_writer_is_refused_by_name(path: Path) -> None:
    with Library.open(path, writer=True), pytest.raises(LibraryLocked, match=str(os.getpid())):
        Library.open(path, writer=True)
    Library.open(path, writer=True).close()


def test_a_second_process_is_refused_and_a_reader_is_not(path: Path) -> None:
    code = "import sys; from tusou.cli.main import main; main(sys.argv[1:])"
    with Library.open(path, writer=True):
        command = [sys.executable, "-c", code, "supplier", "add", "zoo", "--library", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"process {os.getpid()}" in done.stderr
        assert "[library_locked]" in done.stderr
        with Library.open(path) as reader:
            assert [supplier.name for supplier in reader.catalog.suppliers()] == ["acme"]


def test_a_failed_opening_gives_the_lock_back(path: Path) -> None:
    (path / "catalog.sqlite").rename(path / "away")
    with pytest.raises(LibraryCorrupt):
        Library.open(path, writer=True)
    (path / "away").rename(path / "catalog.sqlite")
    Library.open(path, writer=True).close()


def test_the_lock_does_not_outlive_its_process(path: Path) -> None:
    code = (
        "import os, sys; from tusou.catalog.library import Library;"
        "library = Library.open(sys.argv[1], writer=True); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    Library.open(path, writer=True).close()


def test_a_reader_cannot_write(path: Path) -> None:
    with (
        Library.open(path) as library,
        pytest.raises(Exception, match=r"cannot be read or written.*readonly"),
    ):
        add_supplier(library.catalog, Supplier("zoo"))


# Blobs


def test_blobs(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        blobs = library.blobs
        digest = blobs.put(b"hello")
        assert blobs.put(b"hello") == digest
        assert digest in blobs
        assert blobs.path(digest) == path / "blobs" / digest[:2] / digest[2:4] / digest
        assert blobs.read(digest) == b"hello"
        assert list(blobs.digests()) == [digest]
        assert list(blobs.incoming.iterdir()) == []
        blobs.delete([digest, "0" * 64])
        with pytest.raises(LibraryCorrupt, match="missing"):
            blobs.read(digest)


def test_the_next_writer_sweeps_what_a_crash_left(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        kept, stray = library.blobs.put(b"kept"), library.blobs.put(b"stray")
        library.thumbnails.put([(kept, b"k"), (stray, b"s")])
        library.catalog.apply(Batch(images=[(replace(a_record(0), sha256=kept), Origin())]))
        library.blobs.mark_in_doubt([kept, stray])
        library.blobs.stage("f" * 64, b"unfinished")
        job_id = library.jobs.start("/source", "acme")
    with Library.open(path, writer=True) as library:
        assert list(library.blobs.digests()) == [kept]
        assert library.thumbnails.digests() == {kept}
        assert list(library.blobs.incoming.iterdir()) == []
        assert library.blobs.in_doubt() == []
        assert library.jobs.get(job_id).state == "interrupted"


def test_bytes_somebody_else_needs_are_not_swept(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        digest = library.blobs.put(b"shared")
        records = [replace(a_record(row), sha256=digest) for row in range(2)]
        library.catalog.apply(Batch(images=[(record, Origin()) for record in records]))
        library.catalog.apply(Batch(removed=[records[0].image_id]))
        library.drop_unreferenced({digest})
        assert digest in library.blobs


def test_originals_lie_in_the_store_or_with_the_supplier(path: Path, tmp_path: Path) -> None:
    with Library.open(path, writer=True) as library:
        digest = library.blobs.put(b"copied")
        copied, referenced = replace(a_record(0), sha256=digest), a_record(1)
        origins = [Origin(), Origin(location=str(tmp_path / "theirs.jpg"))]
        library.catalog.apply(Batch(images=list(zip([copied, referenced], origins, strict=True))))
        assert library.original_path(copied) == library.blobs.path(digest)
        assert library.original_path(referenced) == tmp_path / "theirs.jpg"


def test_a_full_disk_is_said_in_words(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    store.create()
    code = (
        "import resource, signal, sys; from pathlib import Path; from tusou.catalog.blobs import BlobStore;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "BlobStore(Path(sys.argv[1])).put(b'x' * 5000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.root)], capture_output=True, text=True, check=False
    )
    assert "StorageFull: no room left" in done.stderr
    assert list(store.incoming.iterdir()) == []
    assert list(store.digests()) == []


def test_a_full_disk_under_sqlite_is_the_same_error(path: Path) -> None:
    code = (
        "import resource, signal, sys; from tusou.catalog.library import Library;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); library = Library.open(sys.argv[1], writer=True);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "library.thumbnails.put([('0' * 64, b'x' * 90000)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "tusou.errors." in done.stderr, done.stderr
    with Library.open(path, writer=True) as library:
        assert library.thumbnails.digests() == set()
        assert library.catalog.integrity_problems() == []


# Embeddings


def rows_of(count: int, dim: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def test_embeddings_grow_and_come_back(path: Path) -> None:
    with Library.open(path, writer=True) as library, Library.open(path) as reader:
        store, seen = library.embeddings("m-1", 4), reader.embeddings("m-1", 4)
        assert (len(store), len(seen)) == (0, 0)
        first, second = rows_of(3, seed=1), rows_of(2, seed=2)
        library.catalog.apply(Batch(segments=[store.append(0, first)]))
        assert np.array_equal(seen.take(np.array([2, 0])), first[[2, 0]].astype(np.float16))
        library.catalog.apply(Batch(segments=[store.append(3, second)]))
        assert np.array_equal(seen.slice(2, 5), np.vstack([first[2:], second]).astype(np.float16))
        assert len(seen) == 5
        assert seen.take(np.array([], np.int64)).shape == (0, 4)
        assert store.corrupt_segments() == []


def test_unacknowledged_embeddings_do_not_exist(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        library.catalog.apply(Batch(segments=[store.append(0, rows_of(2))]))
        store.append(2, rows_of(5))
        assert len(store) == 2
        with pytest.raises(LibraryCorrupt, match="row 2 has no embedding"):
            store.take(np.array([2]))
    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        assert store.path.stat().st_size == 2 * 4 * 2
        replacement = rows_of(1, seed=9)
        library.catalog.apply(Batch(segments=[store.append(2, replacement)]))
        assert np.array_equal(store.take(np.array([2])), replacement.astype(np.float16))


def test_skipped_rows_are_zeros_and_checked_too(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        segment = store.append(3, rows_of(1))
        assert (segment.start, segment.stop) == (0, 4)
        library.catalog.apply(Batch(segments=[segment]))
        assert not store.slice(0, 3).any()
        assert store.corrupt_segments() == []


def test_a_flipped_bit_is_found(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        for start in (0, 2):
            library.catalog.apply(Batch(segments=[store.append(start, rows_of(2))]))
        data = bytearray(store.path.read_bytes())
        data[17] ^= 1
        store.path.write_bytes(data)
        assert [segment.start for segment in store.corrupt_segments()] == [2]


def test_a_short_file_is_damage(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        library.catalog.apply(Batch(segments=[store.append(0, rows_of(4))]))
        os.truncate(store.path, 8)
    with Library.open(path) as library, pytest.raises(LibraryCorrupt, match="rebuild --embeddings"):
        library.embeddings("m-1", 4).take(np.array([0]))


def test_another_dimension_is_refused(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        library.catalog.apply(Batch(segments=[store.append(0, rows_of(1))]))
        with pytest.raises(DimensionMismatch):
            store.append(1, rows_of(1, dim=5))
        with pytest.raises(DimensionMismatch):
            store.append(0, rows_of(1))
    with Library.open(path) as library, pytest.raises(DimensionMismatch, match="dimension 4"):
        library.embeddings("m-1", 8)


def test_storage_full_while_appending(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Library.open(path, writer=True) as library:
        store = library.embeddings("m-1", 4)
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(StorageFull, match="nothing acknowledged was lost"):
            store.append(0, rows_of(1))


def test_thumbnails(path: Path) -> None:
    with Library.open(path, writer=True) as library:
        store = library.thumbnails
        store.put([])
        store.put([("a", b"1"), ("b", b"22")])
        store.put([("a", b"333")])
        assert store.get("a") == b"333"
        assert store.get("c") is None
        assert store.digests() == {"a", "b"}
        assert store.byte_size() == 5
        store.delete(["a", "zzz"])
        assert store.digests() == {"b"}


def test_flock_is_what_holds_the_library(path: Path) -> None:
    """A lock file left behind by a dead process must not keep anybody out."""
    (path / "writer.lock").write_text("12345\n")
    Library.open(path, writer=True).close()
    with (path / "writer.lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(LibraryLocked):
            Library.open(path, writer=True)
