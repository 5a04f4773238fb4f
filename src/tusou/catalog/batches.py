"""The writing half of the catalog: what one batch does to the tables, inside one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from tusou.catalog.codec import encode_record
from tusou.catalog.records import Batch, Origin
from tusou.catalog.schema import changes, counters, images, jobs, refusals, removed, segments
from tusou.types import ImageRecord

_IN_LIMIT = 5_000  # values per IN list; SQLite's own limit is 32,766 variables
_T = TypeVar("_T")


def chunks(values: Iterable[_T], size: int = _IN_LIMIT) -> Iterator[list[_T]]:
    """Cut values into lists of at most ``size``."""
    items = list(values)
    for start in range(0, len(items), size):
        yield items[start : start + size]


def write_batch(connection: Connection, batch: Batch) -> None:
    """Carry a batch out; the caller's transaction makes it true as a whole or not at all."""
    _put(connection, batch.images)
    _touch(connection, batch.touched)
    _remove(connection, batch.removed)
    if batch.segments:
        connection.execute(insert(segments), [asdict(segment) for segment in batch.segments])
    if batch.job_id is not None:
        counts = json.dumps(dict(batch.counts))
        connection.execute(update(jobs).where(jobs.c.job_id == batch.job_id).values(counts=counts))
    if batch.refusals:
        values = [asdict(refusal) | {"job_id": batch.job_id} for refusal in batch.refusals]
        connection.execute(insert(refusals), values)


def _put(connection: Connection, entries: Sequence[tuple[ImageRecord, Origin]]) -> None:
    """Insert records, replacing what had the same image ids, and tell the change feed."""
    if not entries:
        return
    row_of = {record.image_id: record.row for record, _ in entries}
    _drop_rows(connection, list(row_of), keep_rows=row_of)
    values = [
        encode_record(record) | {name: getattr(origin, name) for name in Origin.__slots__}
        for record, origin in entries
    ]
    connection.execute(insert(images), values)
    connection.execute(
        insert(changes),
        [{"row": record.row, "image_id": record.image_id, "kind": "upsert"} for record, _ in entries],
    )
    limit = 1 + max(row_of.values())
    raised = func.max(counters.c.value, limit)
    connection.execute(update(counters).where(counters.c.name == "rows").values(value=raised))
    connection.execute(delete(removed).where(removed.c.image_id.in_(list(row_of))))


def _touch(connection: Connection, entries: Sequence[tuple[str, Origin]]) -> None:
    if entries:
        statement = update(images).where(images.c.image_id == bindparam("_image_id"))
        statement = statement.values({name: bindparam(f"_{name}") for name in Origin.__slots__})
        values = [
            {"_image_id": image_id} | {f"_{name}": getattr(origin, name) for name in Origin.__slots__}
            for image_id, origin in entries
        ]
        connection.execute(statement, values)


def _remove(connection: Connection, image_ids: Sequence[str]) -> None:
    """Take images out for good: a tombstone each, and a change the index follows."""
    for part in chunks(image_ids):
        marks = select(images.c.image_id, images.c.supplier, images.c.item_id, text(str(time.time())))
        connection.execute(
            insert(removed).from_select(
                ["image_id", "supplier", "item_id", "removed"], marks.where(images.c.image_id.in_(part))
            )
        )
        _drop_rows(connection, part, keep_rows={})


def _drop_rows(connection: Connection, image_ids: Sequence[str], *, keep_rows: dict[str, int]) -> None:
    """Delete images; rows that are not about to be written again go to the change feed as dead."""
    for part in chunks(image_ids):
        query = select(images.c.row, images.c.image_id).where(images.c.image_id.in_(part))
        old = [(row, image_id) for row, image_id in connection.execute(query)]
        if not old:
            continue
        connection.execute(delete(images).where(images.c.row.in_([row for row, _ in old])))
        dead = [
            {"row": row, "image_id": image_id, "kind": "delete"}
            for row, image_id in old
            if keep_rows.get(image_id) != row
        ]
        if dead:
            connection.execute(insert(changes), dead)
