"""Counts over the whole catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from tusou.catalog.catalog import Catalog
from tusou.catalog.schema import images, removed, suppliers


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a library holds.

    Attributes:
        images: Live images.
        originals: Different originals (several images may share one).
        original_bytes: Their bytes, each once.
        removed: Images taken out for good.
        suppliers: Live images per supplier, every supplier listed.
        licenses: Live images per licence code that holds; an empty code is "none".
        formats: Live images per format.
        languages: Live images with text in ``en`` only, ``zh`` only, ``both`` or ``none``.
    """

    images: int
    originals: int
    original_bytes: int
    removed: int
    suppliers: dict[str, int]
    licenses: dict[str, int]
    formats: dict[str, int]
    languages: dict[str, int]


def collect_statistics(catalog: Catalog) -> Statistics:
    """Count; one pass over the images table per figure."""
    sizes = (
        select(images.c.sha256, func.max(images.c.byte_size).label("size"))
        .group_by(images.c.sha256)
        .subquery()
    )
    own = func.json_extract(images.c.metadata, "$.license")
    with catalog.engine.connect() as connection:
        originals, size = connection.execute(
            select(func.count(), func.sum(sizes.c.size)).select_from(sizes)
        ).one()
        return Statistics(
            images=catalog.count(),
            originals=int(originals),
            original_bytes=int(size or 0),
            removed=int(connection.scalar(select(func.count()).select_from(removed)) or 0),
            suppliers=catalog.supplier_counts(),
            licenses=_counts(connection, func.coalesce(own, suppliers.c.license)),
            formats=_counts(connection, images.c.format),
            languages=_counts(connection, _languages()),
        )


def _counts(connection: Connection, value: ColumnElement[Any]) -> dict[str, int]:
    """Live images per value, most frequent first."""
    count = func.count().label("count")
    query = select(value.label("value"), count)
    query = query.select_from(images.join(suppliers, suppliers.c.name == images.c.supplier))
    rows = connection.execute(query.group_by("value").order_by(count.desc(), "value"))
    return {str(name or ""): int(number) for name, number in rows}


def _languages() -> ColumnElement[str]:
    def has(language: str) -> ColumnElement[bool]:
        paths = [f"$.{field}_{language}" for field in ("title", "description", "keywords")]
        found = func.coalesce(*(func.json_extract(images.c.metadata, path) for path in paths))
        return found.is_not(None)

    zh, en = has("zh"), has("en")
    return case((and_(zh, en), "both"), (zh, "zh"), (en, "en"), else_="none")
