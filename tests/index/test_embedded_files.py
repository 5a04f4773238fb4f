"""What the embedded index keeps on disk: crashes, damage, staleness, full disks, journals, codes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exact_index import MemoryRows
from index_builders import (
    MODEL_ID,
    EmbeddedShelf,
    ExactShelf,
    ask,
    document,
    random_documents,
    unit_rows,
    with_documents,
)
from index_contract import ROWS, assert_agree

from tusou.errors import IndexCorrupt, IndexStale, StorageFull, VectorIndexError
from tusou.index import embedded, row_files, vector_codes
from tusou.index.embedded import EmbeddedIndex
from tusou.types import Filters


@pytest.fixture
def shelf(tmp_path: Path) -> EmbeddedShelf:
    return EmbeddedShelf(tmp_path / "index", unit_rows(ROWS))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes from 64 rows on, so that a test can have some."""
    monkeypatch.setattr(vector_codes, "CHUNK", 64)
    monkeypatch.setattr(vector_codes, "LEAST_CANDIDATES", 20)


def files(path: Path) -> Iterator[Path]:
    """Every file whose damage must be noticed."""
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.stat().st_size and not file.name.startswith("."):
            yield file


def test_reader_of_another_process_follows(shelf: EmbeddedShelf) -> None:
    with_documents(shelf, [document(0, "red")])
    reader = shelf.open()
    script = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from index_builders import EmbeddedShelf, document, unit_rows, with_documents\n"
        f"with_documents(EmbeddedShelf(Path(sys.argv[1]), unit_rows({ROWS})), [document(1, 'red')], 2)\n"
    )
    paths = os.pathsep.join(sys.path)
    subprocess.run(
        [sys.executable, "-c", script, str(shelf.path)], check=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert reader.refresh()
    assert reader.search_text(ask("red"), 10).rows.tolist() == [0, 1]


def test_reader_opened_before_the_first_commit(shelf: EmbeddedShelf) -> None:
    reader = shelf.open()
    assert not reader.refresh()
    with_documents(shelf, [document(0, "red")])
    assert reader.refresh()
    assert reader.search_text(ask("red"), 10).rows.tolist() == [0]


def test_reader_cannot_write(shelf: EmbeddedShelf) -> None:
    with_documents(shelf, [document(0)])
    with pytest.raises(VectorIndexError, match="writer=True"):
        shelf.open().upsert([])
    with pytest.raises(VectorIndexError, match="writer=True"):
        shelf.open().commit(1)


@pytest.mark.parametrize("crash", ["text committed", "files written"])
def test_a_commit_that_did_not_finish_never_was(
    shelf: EmbeddedShelf, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    """After a crash the next writer starts from the last manifest; what it replays is there once."""
    with_documents(shelf, [document(0, "red"), document(1, "red")])
    name = "write_codes" if crash == "text committed" else "write_manifest"
    writer = shelf.open(writer=True)
    writer.upsert([document(1, "blue"), document(2, "red"), document(4, "red")])
    writer.delete([0])
    with monkeypatch.context() as patch:
        patch.setattr(embedded, name, _crash)
        with pytest.raises(KeyboardInterrupt):
            writer.commit(2)
    del writer
    assert shelf.open().watermark == 1
    assert sorted(shelf.open().search_text(ask("red"), 10).rows.tolist()) in ([0, 1], [])  # see docs
    writer = shelf.open(writer=True)
    writer.upsert([document(1, "blue"), document(2, "red"), document(3, "red")])
    writer.delete([0])
    writer.commit(2)
    assert writer.search_text(ask("red"), 10).rows.tolist() == [2, 3]
    assert writer.text_mask(ask(must=("red",))).tolist() == [False, False, True, True]  # type: ignore[union-attr]
    assert writer._snapshot.text.matching(ask("red").should[0]).tolist() == [2, 3]  # type: ignore[union-attr]
    assert writer.verify() == []


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_full_disk_is_named_and_the_commit_tried_again(
    shelf: EmbeddedShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = shelf.open(writer=True)
    writer.upsert([document(0, "red")])
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "write_manifest", _no_space)
        with pytest.raises(StorageFull, match="no room"):
            writer.commit(1)
    assert len(writer) == 0
    writer.commit(1)
    assert writer.search_text(ask("red"), 5).rows.tolist() == [0]
    assert shelf.open().verify() == []


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_every_damaged_file_is_named(shelf: EmbeddedShelf, damage: str) -> None:
    with_documents(shelf, random_documents(ROWS))
    with_documents(shelf, [document(row, "new") for row in range(0, 40, 2)], 2)
    reader = shelf.open()
    damaged = 0
    for file in files(shelf.path):
        kept = file.read_bytes()
        if damage == "remove":
            file.unlink()
        else:
            middle = len(kept) // 2
            flipped = kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :]
            file.write_bytes({"flip": flipped, "cut": kept[:-3], "empty": b""}[damage])
        if not (file.name == "manifest.json" and damage == "remove"):
            with pytest.raises(IndexCorrupt, match="tusou rebuild") as error:
                shelf.open()
            assert file.name in str(error.value)
            if file.name != "manifest.json":
                assert any(file.name in problem for problem in reader.verify())
        file.write_bytes(kept)
        damaged += 1
    assert damaged > 10
    assert shelf.open().verify() == []


def test_index_of_another_model_is_stale(shelf: EmbeddedShelf) -> None:
    with_documents(shelf, [document(0)])
    with pytest.raises(IndexStale, match="tusou rebuild"):
        EmbeddedIndex.open(shelf.path, shelf.vectors, "other-1-00000000")
    with pytest.raises(IndexStale, match="dimensions"):
        EmbeddedIndex.open(shelf.path, MemoryRows(unit_rows(3, 8)), MODEL_ID)


def test_index_of_another_schema_is_stale(shelf: EmbeddedShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with_documents(shelf, [document(0)])
    monkeypatch.setattr("tusou.index.manifest.SCHEMA", 99)
    with pytest.raises(IndexStale, match="schema"):
        shelf.open()


def test_an_inverted_index_older_than_the_manifest_is_corrupt(shelf: EmbeddedShelf) -> None:
    with_documents(shelf, [document(0)])
    meta = shelf.path / "text" / "meta.json"
    values = json.loads(meta.read_text(encoding="utf-8"))
    meta.write_text(json.dumps(values | {"opstamp": 0}), encoding="utf-8")
    with pytest.raises(IndexCorrupt, match="older"):
        shelf.open()


def test_the_journal_is_folded_into_the_records(
    shelf: EmbeddedShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed rows go to a journal that must not grow for ever; readers follow across the fold."""
    monkeypatch.setattr(row_files, "SMALL_JOURNAL", 10)
    oracle, documents = ExactShelf(unit_rows(ROWS)), random_documents(ROWS)
    reader = shelf.open()
    for number in range(5):
        for place in (shelf, oracle):
            with_documents(place, documents[:100] if number % 2 else documents, number + 1)
        reader.refresh()
        assert_agree(reader, oracle.open())
    manifest = json.loads((shelf.path / "manifest.json").read_text(encoding="utf-8"))["manifest"]
    assert manifest["files"]["records"]["name"] != "records-0.bin"
    assert manifest["files"]["updates"]["size"] < 10_000
    assert len(list(shelf.path.glob("records-*.bin"))) <= 2
    assert_agree(shelf.open(), oracle.open())


@pytest.mark.usefixtures("small_chunks")
def test_codes_find_what_an_exact_search_finds(shelf: EmbeddedShelf) -> None:
    """Codes come chunk by chunk, are trained anew as the library grows, and obey filters."""
    oracle, documents = ExactShelf(unit_rows(ROWS)), random_documents(ROWS)
    reader = shelf.open()
    for number, start in enumerate(range(0, ROWS, 50)):
        for place in (shelf, oracle):
            with_documents(place, documents[start : start + 50], number + 1)
        reader.refresh()
    codes = reader._snapshot.codes
    assert len(codes) == ROWS // 64 * 64
    for engine in (reader, shelf.open()):
        for filters in (Filters(), Filters(format=("png",)), Filters(supplier=("rare",))):
            shares = [_ann_recall(engine, oracle, filters, query) for query in unit_rows(20, seed=3)]
            assert np.mean(shares) > 0.95
    manifest = json.loads((shelf.path / "manifest.json").read_text(encoding="utf-8"))["manifest"]
    assert manifest["trained_rows"] == 256


def _ann_recall(
    engine: EmbeddedIndex,
    oracle: ExactShelf,
    filters: Filters,
    query: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> float:
    exact = oracle.open()
    wanted = set(exact.search_vectors(query, 10, exact.mask(filters)).rows.tolist())
    found = engine.search_vectors(query, 10, engine.mask(filters))
    mask = engine.mask(filters)
    assert mask is None or mask[found.rows].all()
    return len(wanted & set(found.rows.tolist())) / len(wanted)


def test_files_nobody_names_are_swept(shelf: EmbeddedShelf) -> None:
    with_documents(shelf, [document(0)])
    (shelf.path / "codes-7.bin").write_bytes(b"left by a crash")
    tokens = shelf.path / "tokens-0.bin"
    tokens.write_bytes(tokens.read_bytes() + b"torn")
    with_documents(shelf, [document(1, "red")], 2)
    assert not (shelf.path / "codes-7.bin").exists()
    assert shelf.open().verify() == []
    assert shelf.open().search_text(ask("red"), 5).rows.tolist() == [1]


def test_a_reader_follows_to_a_rebuilt_index(shelf: EmbeddedShelf) -> None:
    """Files of a rebuilt index bear the names of the old one's; nothing of the old must be kept."""
    with_documents(shelf, [document(row, "red", supplier="old") for row in range(30)])
    reader = shelf.open()
    shelf.path.rename(shelf.path.with_name("before"))
    with_documents(shelf, [document(row, "blue", supplier="new") for row in range(40)], 5)
    assert reader.refresh()
    assert reader.facets(None, ["supplier"]) == {"supplier": [("new", 40)]}
    assert len(reader.search_text(ask("blue"), 50).rows) == 40
    assert len(reader.search_text(ask("red"), 50).rows) == 0


def test_a_reader_overtaken_by_a_writer_reads_again(
    shelf: EmbeddedShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer may sweep files between a reader's look at the manifest and at them."""
    with_documents(shelf, [document(0, "red")])
    overtaken: list[bool] = []

    def overtake(*arguments: Any) -> Any:
        if not overtaken:
            overtaken.append(True)
            with_documents(shelf, [document(1, "red")], 2)
            raise IndexCorrupt("records-0.bin: missing")
        return row_files.load_rows(*arguments)

    monkeypatch.setattr(embedded, "load_rows", overtake)
    assert shelf.open().watermark == 2
