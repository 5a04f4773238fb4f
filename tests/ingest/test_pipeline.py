"""Whole ingest jobs: what is added, updated, skipped, refused, resumed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import KeywordEncoder
from library_builder import ACME, ingest, make_tar, picture, write_pictures
from tusou.catalog.library import Library
from tusou.catalog.records import Batch, Origin, Refusal
from tusou.errors import FetchError, IndexStale, StorageFull, SupplierNotFound
from tusou.index.base import TextClause, TextQuery
from tusou.ingest.check import check_library
from tusou.ingest.indexing import catch_up, document_of, open_index, rebuild_index, update_index
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestSummary, Progress
from tusou.ingest.removal import remove_images
from tusou.ingest.sources import settle_supplier
from tusou.types import ImageRecord, Supplier


def counts(summary: IngestSummary) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in summary.counts.items() if count}


def records(path: Path) -> dict[str, ImageRecord]:
    with Library.open(path) as library:
        return {record.item_id: record for record in library.catalog.records()}


def problems(path: Path) -> list[str]:
    with Library.open(path, writer=True) as library:
        return [f"{problem.what}: {problem.where}" for problem in check_library(library)]


def found(path: Path, word: str) -> list[int]:
    """Rows the index finds for an English word."""
    with Library.open(path) as library:
        index = open_index(library, KeywordEncoder())
        query = TextQuery(should=(TextClause(words=(word,)),))
        rows = index.search_text(query, 100).rows.tolist()
        index.close()
        return sorted(rows)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "src", 5)
    return tmp_path / "src"


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    return tmp_path / "lib"


def test_a_folder_goes_in_and_all_is_well(lib: Path, source: Path) -> None:
    (source / "p001.txt").write_text("Elephant")
    summary = ingest(lib, source)
    assert counts(summary) == {"seen": 5, "added": 5}
    assert (summary.state, summary.reasons) == ("done", {})
    assert problems(lib) == []
    assert found(lib, "eleph") == [1]
    with Library.open(lib) as library:
        record = library.catalog.find("acme", "p001.jpg")
        assert record is not None
        assert record.metadata.license == "CC-BY-4.0"
        assert library.original_path(record).read_bytes() == picture(1)
        assert library.thumbnails.get(record.sha256) is not None
        assert library.jobs.get(summary.job_id).state == "done"
        encoder = KeywordEncoder()
        assert library.embeddings(encoder.model_id, encoder.dim).take(np.array([1])).any()


def test_the_same_command_again_changes_nothing(lib: Path, source: Path) -> None:
    ingest(lib, source)
    before = records(lib)
    encoder = KeywordEncoder()
    summary = ingest(lib, source, encoder=encoder)
    assert counts(summary) == {"seen": 5, "unchanged": 5}
    assert encoder.image_calls == []
    assert records(lib) == before


def test_touched_files_are_compared_by_content(lib: Path, source: Path) -> None:
    ingest(lib, source)
    before = records(lib)
    for path in source.iterdir():
        os.utime(path, (1, 1))
    encoder = KeywordEncoder()
    assert counts(ingest(lib, source, encoder=encoder)) == {"seen": 5, "unchanged": 5}
    assert encoder.image_calls == []
    assert records(lib) == before
    with Library.open(lib) as library:
        assert library.catalog.last_change() == 5
        assert library.catalog.origin(before["p000.jpg"].image_id).stamp.endswith(":1000000000")


def test_changed_words_keep_the_row(lib: Path, source: Path) -> None:
    ingest(lib, source)
    before = records(lib)["p002.jpg"]
    (source / "p002.json").write_text(json.dumps({"title": "zebra"}))
    assert counts(ingest(lib, source)) == {"seen": 5, "unchanged": 4, "updated": 1}
    after = records(lib)["p002.jpg"]
    assert after.metadata.title_en == "zebra"
    assert (after.row, after.image_id, after.added) == (before.row, before.image_id, before.added)
    assert found(lib, "zebra") == [before.row]
    assert problems(lib) == []


def test_changed_bytes_take_a_new_row_and_the_old_original_goes(lib: Path, source: Path) -> None:
    ingest(lib, source)
    before = records(lib)["p002.jpg"]
    (source / "p002.jpg").write_bytes(picture(77))
    assert counts(ingest(lib, source)) == {"seen": 5, "unchanged": 4, "updated": 1}
    after = records(lib)["p002.jpg"]
    assert (after.image_id, after.row) == (before.image_id, 5)
    with Library.open(lib) as library:
        assert before.sha256 not in library.blobs
        assert library.thumbnails.get(before.sha256) is None
    assert problems(lib) == []


def test_exact_duplicates_share_a_blob_and_the_work(lib: Path, source: Path) -> None:
    ingest(lib, source)
    encoder = KeywordEncoder()
    zoo = Supplier("zoo", license="CC0-1.0")
    summary = ingest(lib, source, zoo, encoder=encoder)
    assert counts(summary) == {"seen": 5, "added": 5, "duplicates": 5}
    assert encoder.image_calls == []
    with Library.open(lib) as library:
        assert len(list(library.blobs.digests())) == 5
        assert library.catalog.count() == 10
        first, second = library.catalog.with_sha256(records(lib)["p000.jpg"].sha256)
        assert (first.supplier, second.supplier) == ("acme", "zoo")
        assert replace(
            first, image_id="", row=0, supplier="", metadata=second.metadata, added=second.added
        ) == replace(second, image_id="", row=0, supplier="", updated=first.updated)
        rows = library.embeddings(encoder.model_id, encoder.dim)
        assert np.array_equal(rows.take(np.array([first.row])), rows.take(np.array([second.row])))
    assert problems(lib) == []


def test_duplicates_inside_one_batch(lib: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for i in range(4):
        (tmp_path / "src" / f"{i}.jpg").write_bytes(picture(1))
    assert counts(ingest(lib, tmp_path / "src")) == {"seen": 4, "added": 4, "duplicates": 3}
    assert problems(lib) == []


def test_a_bytes_swap_between_two_items(lib: Path, source: Path) -> None:
    """Both originals are replaced while each is still needed by the other."""
    ingest(lib, source)
    first, second = source / "p000.jpg", source / "p001.jpg"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    os.utime(first, (5, 5))
    os.utime(second, (5, 5))
    assert counts(ingest(lib, source))["updated"] == 2
    assert problems(lib) == []
    assert [records(lib)[name].row for name in ("p000.jpg", "p001.jpg")] == [5, 6]


def test_what_was_to_be_reused_and_is_gone_is_done_again(lib: Path, source: Path) -> None:
    """One item gives up the bytes another one was about to reuse, batches of one make sure of the order."""
    ingest(lib, source)
    lib.joinpath("tusou.toml").write_text("batch_size = 1\n")
    (source / "p000.jpg").write_bytes(picture(50))
    (source / "z.jpg").write_bytes(picture(0))
    summary = ingest(lib, source)
    assert counts(summary) == {"seen": 6, "unchanged": 4, "added": 1, "updated": 1}
    assert problems(lib) == []
    assert len(records(lib)) == 6


def test_in_place_originals_are_referenced(lib: Path, source: Path) -> None:
    ingest(lib, source, in_place=True)
    with Library.open(lib) as library:
        assert list(library.blobs.digests()) == []
        record = library.catalog.find("acme", "p003.jpg")
        assert record is not None
        assert library.original_path(record) == source / "p003.jpg"
    assert problems(lib) == []
    (source / "p003.jpg").unlink()
    assert len(problems(lib)) == 1
    assert "p003.jpg" in problems(lib)[0]


def test_from_in_place_to_copied_and_back(lib: Path, source: Path) -> None:
    ingest(lib, source, in_place=True)
    ingest(lib, source)
    with Library.open(lib) as library:
        assert len(list(library.blobs.digests())) == 5
    assert problems(lib) == []


def test_bad_files_cost_only_themselves(lib: Path, source: Path) -> None:
    (source / "a-text.jpg").write_text("I am no image.")
    (source / "b-empty.png").touch()
    (source / "c-cut.jpg").write_bytes(picture(1, (400, 300))[:5000])
    (source / "d-document.pdf").write_bytes(b"%PDF-1.7 ...")
    summary = ingest(lib, source)
    assert counts(summary) == {"seen": 9, "added": 5, "refused": 4}
    with Library.open(lib) as library:
        refused = {refusal.path: refusal.reason for refusal in library.jobs.refusals(summary.job_id)}
    assert refused == {
        "a-text.jpg": "not_an_image",
        "b-empty.png": "empty_file",
        "c-cut.jpg": "truncated",
        "d-document.pdf": "unsupported_format",
    }
    assert problems(lib) == []


def test_a_file_that_vanishes_while_it_is_ingested(lib: Path, source: Path) -> None:
    def vanish(_step: Progress) -> None:
        (source / "p004.jpg").unlink(missing_ok=True)

    lib.mkdir()
    ingest(lib, source, limit=1)
    lib.joinpath("tusou.toml").write_text("batch_size = 1\n")
    summary = ingest(lib, source, report=vanish)
    assert summary.reasons == {"vanished": 1}
    assert counts(summary) == {"seen": 5, "added": 3, "unchanged": 1, "refused": 1}


def test_licences(lib: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path, 4)
    rows = [
        "image,license",
        "p000.jpg,CC BY-SA 4.0",
        "p001.jpg,gratis",
        "p002.jpg,",
        "p003.jpg,LicenseRef-Deal",
    ]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    summary = ingest(lib, tmp_path / "list.csv", Supplier("none"))
    assert counts(summary) == {"seen": 4, "added": 3, "refused": 1, "unlicensed": 1}
    assert summary.reasons == {"unknown_license": 1}
    assert {item: record.metadata.license for item, record in records(lib).items()} == {
        "p000.jpg": "CC-BY-SA-4.0", "p002.jpg": "", "p003.jpg": "LicenseRef-Deal",
    }  # fmt: skip
    ignoring = ReadOptions(columns={"license": ""})
    assert counts(ingest(lib, tmp_path / "list.csv", Supplier("none"), reading=ignoring)).keys() == {
        "seen",
        "unchanged",
        "added",
        "updated",
        "unlicensed",
    }


def test_ids_delivered_twice(lib: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    (tmp_path / "list.csv").write_text("id,image\n1,p000.jpg\n1,p001.jpg\n\x01,p001.jpg\n")
    summary = ingest(lib, tmp_path / "list.csv")
    assert summary.reasons == {"bad_item_id": 1, "duplicate_id": 1} or summary.reasons == {
        "duplicate_id": 1, "bad_item_id": 1,
    }  # fmt: skip
    assert records(lib)["1"].sha256 is not None


def test_addresses_are_fetched_once(lib: Path, tmp_path: Path) -> None:
    urls = [f"https://example.org/{i}.jpg" for i in range(20)]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        if url.endswith("/7.jpg"):
            raise FetchError("leads to a private address", reason="private_address")
        return picture(int(url.rpartition("/")[2].removesuffix(".jpg")))

    summary = ingest(lib, tmp_path / "urls.txt", fetch=fetch)
    assert counts(summary) == {"seen": 20, "added": 19, "refused": 1}
    assert summary.reasons == {"private_address": 1}
    assert sorted(asked) == sorted(urls)
    asked.clear()
    assert counts(ingest(lib, tmp_path / "urls.txt", fetch=fetch)) == {
        "seen": 20,
        "unchanged": 19,
        "refused": 1,
    }
    assert asked == ["https://example.org/7.jpg"]


def test_shards(lib: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(2):
        members: dict[str, bytes] = {}
        for i in range(3):
            key = f"{shard}{i}"
            members |= {
                f"{key}.jpg": picture(shard * 10 + i),
                f"{key}.json": json.dumps({"title": f"n{key}"}).encode(),
            }
        make_tar(folder / f"s-{shard}.tar", members)
    assert counts(ingest(lib, folder)) == {"seen": 6, "added": 6}
    assert records(lib)["12"].metadata.title_en == "n12"
    assert counts(ingest(lib, folder)) == {"seen": 6, "unchanged": 6}
    os.utime(folder / "s-1.tar", (9, 9))
    encoder = KeywordEncoder()
    assert counts(ingest(lib, folder, encoder=encoder)) == {"seen": 6, "unchanged": 6}
    assert encoder.image_calls == []
    assert problems(lib) == []


def test_a_stop_is_polite_and_the_same_command_continues(lib: Path, source: Path) -> None:
    write_pictures(source, 40)
    seen: list[str] = []

    def note(step: Progress) -> None:
        seen.extend(step.committed)

    first = ingest(lib, source, report=note, should_stop=lambda: bool(seen))
    assert first.state == "interrupted"
    assert 0 < first.counts["added"] < 40
    assert set(seen) == {record.image_id for record in records(lib).values()}
    assert problems(lib) == []
    second = ingest(lib, source)
    assert second.counts["added"] == 40 - first.counts["added"]
    assert second.counts["unchanged"] == first.counts["added"]
    assert problems(lib) == []


def test_a_limit(lib: Path, source: Path) -> None:
    assert counts(ingest(lib, source, limit=3)) == {"seen": 3, "added": 3}


def test_a_full_disk_ends_the_job_and_loses_nothing(
    lib: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(lib, source)
    write_pictures(source, 40, first=5)
    committed: list[str] = []
    real = os.pwrite
    calls = 0

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        return real(fd, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(StorageFull, match="nothing acknowledged was lost"):
            ingest(lib, source, report=lambda step: committed.extend(step.committed))
    assert set(committed) <= {record.image_id for record in records(lib).values()}
    with Library.open(lib) as library:
        assert library.jobs.latest(1)[0].state == "failed"
    assert problems(lib) == []
    assert ingest(lib, source).counts["seen"] == 45
    assert len(records(lib)) == 45
    assert problems(lib) == []


def test_an_unknown_supplier_without_a_description(lib: Path, source: Path) -> None:
    ingest(lib, source)
    with (
        Library.open(lib, writer=True) as library,
        pytest.raises(SupplierNotFound, match="supplier add ghost"),
    ):
        settle_supplier(library.catalog, "ghost", ACME)


def test_another_model_is_refused(lib: Path, source: Path) -> None:
    ingest(lib, source)
    with pytest.raises(IndexStale, match="keyword-1-00000000, not with other-1"):
        ingest(lib, source, encoder=KeywordEncoder("other-1"))


def test_removed_images_stay_away(lib: Path, source: Path) -> None:
    ingest(lib, source)
    gone = records(lib)["p001.jpg"]
    with Library.open(lib, writer=True) as library:
        assert remove_images(library, [gone.image_id]) == 1
        update_index(library)
        assert gone.sha256 not in library.blobs
    assert problems(lib) == []
    summary = ingest(lib, source)
    assert summary.reasons == {"removed": 1}
    assert "p001.jpg" not in records(lib)
    with Library.open(lib, writer=True) as library:
        rebuild_index(library, KeywordEncoder())
    assert problems(lib) == []
    assert counts(ingest(lib, source, readmit=True)) == {"seen": 5, "added": 1, "unchanged": 4}
    assert records(lib)["p001.jpg"].row == 5
    assert problems(lib) == []


def test_an_index_that_is_behind_is_caught_up(lib: Path, source: Path) -> None:
    ingest(lib, source)
    (source / "p000.txt").write_text("giraffe")
    with Library.open(lib, writer=True) as library:
        record = replace(
            library.catalog.records()[0],
            metadata=replace(library.catalog.records()[0].metadata, title_en="giraffe"),
        )
        library.catalog.apply(Batch(images=[(record, Origin())]))
        index = open_index(library, KeywordEncoder(), writer=True)
        assert catch_up(library, index) == 1
        assert catch_up(library, index) == 0
        index.close()
    assert found(lib, "giraff") == [0]


def test_a_rebuilt_index_is_the_same(lib: Path, source: Path) -> None:
    (source / "p002.txt").write_text("giraffe")
    ingest(lib, source)
    before = found(lib, "giraff")
    with Library.open(lib, writer=True) as library:
        assert rebuild_index(library, KeywordEncoder()) == 5
    assert found(lib, "giraff") == before == [2]
    assert problems(lib) == []


def test_documents_carry_what_search_needs(lib: Path, source: Path) -> None:
    values = {"title": "雪山", "keywords": "snow", "creator": "Ada", "license": "CC-BY-NC-4.0"}
    (source / "p000.json").write_text(json.dumps(values))
    ingest(lib, source)
    record = records(lib)["p000.jpg"]
    document = document_of(record, ACME)
    assert document.fields["title"].words == ("雪山",)
    assert "雪山" in document.fields["title"].grams
    assert document.fields["keywords"].words == ("snow",)
    assert document.license_type == ("modification",)
    assert document.features["authority"] == 0.5
    assert (document.width, document.height, document.format) == (48, 32, "jpeg")


def test_refusals_name_the_row_of_the_table(lib: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    (tmp_path / "x.jpg").write_text("no picture")
    (tmp_path / "list.csv").write_text("id,image\na,p000.jpg\nb,x.jpg\n")
    summary = ingest(lib, tmp_path / "list.csv")
    with Library.open(lib) as library:
        (refusal,) = library.jobs.refusals(summary.job_id)
    assert isinstance(refusal, Refusal)
    assert (refusal.path, refusal.item_id, refusal.line, refusal.reason) == ("x.jpg", "b", 2, "not_an_image")
