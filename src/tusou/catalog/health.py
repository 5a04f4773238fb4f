"""How well suppliers deliver: what their images lack, what they bring twice, what was refused of them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from tusou.catalog.catalog import Catalog
from tusou.catalog.schema import images, jobs, removed, suppliers


@dataclass(frozen=True, slots=True)
class SupplierHealth:
    """Figures of one supplier.

    Attributes:
        supplier: Its name.
        images: Live images.
        untitled: Of them without a title.
        without_keywords: Without a keyword.
        without_license: Without a licence, the supplier's own included.
        doubled: Whose bytes another image has as well, of any supplier.
        warned: With something mended or dropped on the way in.
        removed: Images taken out for good.
        delivered: Files it ever delivered, as far as jobs tell.
        refused: Of them refused.
        last_job: When its last job began, POSIX seconds; None for never.
    """

    supplier: str
    images: int
    untitled: int
    without_keywords: int
    without_license: int
    doubled: int
    warned: int
    removed: int
    delivered: int
    refused: int
    last_job: float | None


_COUNTED = ("images", "untitled", "without_keywords", "without_license", "doubled", "warned")


def supplier_health(catalog: Catalog) -> list[SupplierHealth]:
    """Figures of every supplier, by name; a few passes over the images table."""
    twice = select(images.c.sha256).group_by(images.c.sha256).having(func.count() > 1)
    license_ = func.coalesce(func.json_extract(images.c.metadata, "$.license"), suppliers.c.license)
    query = (
        select(
            images.c.supplier,
            func.count(),
            _lacking("title_en", "title_zh"),
            _lacking("keywords_en", "keywords_zh"),
            func.sum(case((license_ == "", 1), else_=0)),
            func.sum(case((images.c.sha256.in_(twice), 1), else_=0)),
            func.sum(case((images.c.warnings != "", 1), else_=0)),
        )
        .join(suppliers, suppliers.c.name == images.c.supplier)
        .group_by(images.c.supplier)
    )
    gone = select(removed.c.supplier, func.count()).group_by(removed.c.supplier)
    with catalog.engine.connect() as connection:
        live = {name: [int(value or 0) for value in rest] for name, *rest in connection.execute(query)}
        out: dict[str, int] = dict(connection.execute(gone).all())
        delivered: defaultdict[str, int] = defaultdict(int)
        refused: defaultdict[str, int] = defaultdict(int)
        last: dict[str, float] = {}
        for name, started, counts in connection.execute(
            select(jobs.c.supplier, jobs.c.started, jobs.c.counts)
        ):
            found = json.loads(counts)
            delivered[name] += sum(value for value in found.values() if isinstance(value, int))
            refused[name] += int(found.get("refused", 0))
            last[name] = max(last.get(name, 0.0), started)
    return [
        SupplierHealth(
            supplier=name,
            **dict(zip(_COUNTED, live.get(name, [0] * len(_COUNTED)), strict=True)),
            removed=out.get(name, 0),
            delivered=delivered[name],
            refused=refused[name],
            last_job=last.get(name),
        )
        for name in (supplier.name for supplier in catalog.suppliers())
    ]


def _lacking(*names: str) -> ColumnElement[int]:
    """Images without any of these fields."""
    fields = [func.json_extract(images.c.metadata, f"$.{name}") for name in names]
    return func.sum(case((and_(*(or_(f.is_(None), f == "", f == "[]") for f in fields)), 1), else_=0))
