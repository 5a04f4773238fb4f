"""The system of record: rows, changes, suppliers, rights that hold."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search_builders import a_record
from tusou.catalog.catalog import Catalog
from tusou.catalog.library import Library
from tusou.catalog.records import Batch, Origin, Refusal, image_id_of
from tusou.catalog.statistics import collect_statistics
from tusou.catalog.suppliers import add_supplier, image_ids_of, remove_supplier, update_supplier
from tusou.errors import CatalogError, ImageNotFound, SupplierNotFound, UnknownLicense
from tusou.types import ImageRecord, Supplier


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "lib") as opened:
        add_supplier(opened.catalog, Supplier("acme", license="CC-BY-4.0", terms="Ask first."))
        yield opened


@pytest.fixture
def catalog(library: Library) -> Catalog:
    return library.catalog


def put(catalog: Catalog, *records: ImageRecord) -> None:
    catalog.apply(Batch(images=[(record, Origin()) for record in records]))


def kinds(catalog: Catalog, after: int = 0) -> list[tuple[int, str]]:
    return [(change.row, change.kind) for change in catalog.changes(after, 100)]


def test_a_record_comes_back_as_it_was(catalog: Catalog) -> None:
    record = a_record(
        0,
        title_zh="雪山",
        keywords_en=("snow", "mountain"),
        license="CC0-1.0",
        usage_terms="none",
        created="2024",
    )
    record = replace(record, warnings=("broken_exif", "truncated"))
    put(catalog, record)
    assert catalog.get(record.image_id) == record
    assert catalog.get_rows([0, 7]) == {0: record}
    assert catalog.find("acme", "item-0") == record
    assert catalog.with_sha256(record.sha256) == [record]
    assert catalog.get_many([record.image_id, "none"]) == {record.image_id: record}


def test_suppliers_rights_fill_what_the_image_leaves_open(catalog: Catalog) -> None:
    put(catalog, a_record(0), a_record(1, license="CC0-1.0", usage_terms="Own"))
    first, second = catalog.records()
    assert (first.metadata.license, first.metadata.usage_terms) == ("CC-BY-4.0", "Ask first.")
    assert (second.metadata.license, second.metadata.usage_terms) == ("CC0-1.0", "Own")


def test_changed_metadata_keeps_the_row(catalog: Catalog) -> None:
    put(catalog, a_record(0, title_en="old"))
    put(catalog, a_record(0, title_en="new"))
    assert kinds(catalog) == [(0, "upsert"), (0, "upsert")]
    assert (catalog.row_limit(), catalog.count()) == (1, 1)


def test_changed_bytes_take_a_new_row_and_the_old_one_dies(catalog: Catalog) -> None:
    put(catalog, a_record(0), a_record(1))
    put(catalog, replace(a_record(2), image_id="img0000", item_id="item-0"))
    assert kinds(catalog, after=2) == [(0, "delete"), (2, "upsert")]
    assert sorted(catalog.get_rows(range(3))) == [1, 2]
    assert catalog.row_limit() == 3


def test_rows_are_never_given_twice(catalog: Catalog) -> None:
    put(catalog, a_record(0), a_record(1))
    catalog.apply(Batch(removed=["img0001"]))
    assert catalog.row_limit() == 2


def test_removed_images_leave_a_tombstone_until_put_again(catalog: Catalog) -> None:
    put(catalog, a_record(0), a_record(1))
    catalog.apply(Batch(removed=["img0000", "unknown"]))
    assert kinds(catalog, after=2) == [(0, "delete")]
    assert catalog.removed(["img0000", "img0001"]) == {"img0000"}
    with pytest.raises(ImageNotFound, match="img0000"):
        catalog.get("img0000")
    put(catalog, replace(a_record(2), image_id="img0000", item_id="item-0"))
    assert catalog.removed(["img0000"]) == set()


def test_touching_says_nothing_to_the_index(catalog: Catalog) -> None:
    put(catalog, a_record(0))
    catalog.apply(Batch(touched=[("img0000", Origin("/x", "stamp", "digest"))]))
    assert catalog.origin("img0000") == Origin("/x", "stamp", "digest")
    assert catalog.last_change() == 1
    assert catalog.known("acme", ["item-0", "item-1"])["item-0"].origin.stamp == "stamp"


def test_changes_come_in_pages(catalog: Catalog) -> None:
    put(catalog, *(a_record(row) for row in range(5)))
    assert [change.number for change in catalog.changes(1, 2)] == [2, 3]
    assert catalog.changes(5, 10) == []
    assert catalog.last_change() == 5


def test_records_are_paged_by_row(catalog: Catalog) -> None:
    put(catalog, *(a_record(row) for row in range(5)))
    assert [record.row for record in catalog.records(after_row=1, limit=2)] == [2, 3]
    assert catalog.records(after_row=4) == []
    assert [record.row for record in catalog.records(supplier="nobody")] == []


def test_a_batch_is_true_as_a_whole_or_not_at_all(catalog: Catalog) -> None:
    good, bad = a_record(0), replace(a_record(1), supplier="nobody")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        put(catalog, good, bad)
    assert (catalog.count(), catalog.last_change(), catalog.row_limit()) == (0, 0, 0)


def test_more_rows_than_sqlite_takes_in_one_statement(catalog: Catalog) -> None:
    put(catalog, *(a_record(row) for row in range(6_000)))
    assert len(catalog.get_rows(range(6_000))) == 6_000
    assert len(catalog.known("acme", [f"item-{row}" for row in range(6_000)])) == 6_000
    catalog.apply(Batch(removed=image_ids_of(catalog, "acme")))
    assert catalog.count() == 0


def test_readers_in_many_threads(catalog: Catalog) -> None:
    put(catalog, *(a_record(row) for row in range(50)))
    found: list[int] = []

    def read() -> None:
        found.extend(len(catalog.get_rows(range(50))) for _ in range(20))

    threads = [threading.Thread(target=read) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [50] * 240


def test_image_ids_are_stable_and_tell_suppliers_apart() -> None:
    assert image_id_of("acme", "1") == "ohsuyvkh2o65j7vw"
    assert image_id_of("acme", "1") != image_id_of("acme1", "")
    assert len({image_id_of("acme", str(i)) for i in range(10_000)}) == 10_000
    assert len(image_id_of("acme", "\ud800")) == 16


def test_suppliers(catalog: Catalog) -> None:
    add_supplier(catalog, Supplier("zoo", title="动物园", authority=0.9))
    assert [supplier.name for supplier in catalog.suppliers()] == ["acme", "zoo"]
    assert catalog.supplier("zoo").authority == 0.9
    assert catalog.supplier_counts() == {"acme": 0, "zoo": 0}
    remove_supplier(catalog, "zoo")
    with pytest.raises(SupplierNotFound, match=r"zoo.*acme.*supplier add"):
        catalog.supplier("zoo")
    with pytest.raises(SupplierNotFound, match="did you mean acme"):
        catalog.supplier("acne")


@pytest.mark.parametrize("name", ["", "Acme", "a b", "../x", "-x", "a" * 65, "动物"])
def test_bad_supplier_names(catalog: Catalog, name: str) -> None:
    with pytest.raises(CatalogError) as caught:
        add_supplier(catalog, Supplier(name))
    assert caught.value.reason == "bad_supplier"


def test_bad_suppliers(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="exists already"):
        add_supplier(catalog, Supplier("acme"))
    with pytest.raises(CatalogError, match="between 0 and 1"):
        add_supplier(catalog, Supplier("b", authority=1.5))
    with pytest.raises(UnknownLicense):
        add_supplier(catalog, Supplier("b", license="free"))
    with pytest.raises(SupplierNotFound):
        update_supplier(catalog, Supplier("b"))


def test_a_changed_supplier_sends_its_images_through_the_feed(catalog: Catalog) -> None:
    put(catalog, a_record(0), a_record(1))
    update_supplier(catalog, Supplier("acme", license="CC0-1.0", authority=1.0))
    assert kinds(catalog, after=2) == [(0, "upsert"), (1, "upsert")]
    assert catalog.get("img0000").metadata.license == "CC0-1.0"


def test_a_supplier_with_images_stays(catalog: Catalog) -> None:
    put(catalog, a_record(0))
    with pytest.raises(CatalogError, match="--with-images"):
        remove_supplier(catalog, "acme")


def test_jobs_and_refusals(library: Library) -> None:
    log = library.jobs
    job_id = log.start("/source", "acme")
    refusals = [Refusal(f"{i}.jpg", "truncated" if i else "not_an_image", "…", f"{i}", i) for i in range(3)]
    library.catalog.apply(Batch(job_id=job_id, counts={"seen": 3}, refusals=refusals))
    assert log.refusals(job_id) == refusals
    assert log.refusals(job_id, limit=1) == refusals[:1]
    assert log.refusal_reasons(job_id) == {"truncated": 2, "not_an_image": 1}
    assert (log.get(job_id).state, log.get(job_id).counts) == ("running", {"seen": 3})
    log.finish(job_id, "done")
    assert log.latest()[0].finished is not None
    with pytest.raises(CatalogError, match="no job 99"):
        log.get(99)


def test_statistics(catalog: Catalog) -> None:
    put(
        catalog,
        a_record(0, title_en="a", license="CC0-1.0"),
        a_record(1, keywords_zh=("雪",)),
        a_record(2, title_en="a", description_zh="雪"),
        replace(a_record(3), sha256=a_record(0).sha256, format="png"),
    )
    catalog.apply(Batch(removed=["img0001"]))
    found = collect_statistics(catalog)
    assert (found.images, found.originals, found.original_bytes, found.removed) == (3, 2, 2000, 1)
    assert found.suppliers == {"acme": 3}
    assert found.licenses == {"CC-BY-4.0": 2, "CC0-1.0": 1}
    assert found.formats == {"jpeg": 2, "png": 1}
    assert found.languages == {"both": 1, "en": 1, "none": 1}


def test_numpy_rows_are_rows(catalog: Catalog) -> None:
    put(catalog, a_record(0))
    assert list(catalog.get_rows(np.array([0], np.int64))) == [0]
