"""Adding, changing and removing suppliers."""

from __future__ import annotations

import re
from dataclasses import asdict

from sqlalchemy import delete, insert, literal, select, update

from tusou.catalog.catalog import Catalog
from tusou.catalog.licenses import license_of
from tusou.catalog.schema import changes, images, suppliers
from tusou.errors import CatalogError
from tusou.types import Supplier

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_supplier(supplier: Supplier) -> None:
    """Refuse what cannot be a supplier.

    Raises:
        CatalogError: A bad name or an authority outside 0 to 1.
        UnknownLicense: The default licence is not known.
    """
    if not _NAME.fullmatch(supplier.name):
        raise CatalogError(
            f"supplier name {supplier.name[:80]!r} must be up to 64 of a-z 0-9 . _ - and begin with a-z 0-9",
            reason="bad_supplier",
        )
    if not 0.0 <= supplier.authority <= 1.0:
        raise CatalogError(
            f"authority of {supplier.name} must lie between 0 and 1, got {supplier.authority}",
            reason="bad_supplier",
        )
    if supplier.license:
        license_of(supplier.license)


def add_supplier(catalog: Catalog, supplier: Supplier) -> None:
    """Add a supplier.

    Raises:
        CatalogError: The name is taken or cannot be used.
        UnknownLicense: The default licence is not known.
    """
    check_supplier(supplier)
    if any(known.name == supplier.name for known in catalog.suppliers()):
        raise CatalogError(
            f"supplier {supplier.name!r} exists already; change it with `tusou supplier update`",
            reason="supplier_exists",
        )
    with catalog.engine.begin() as connection:
        connection.execute(insert(suppliers).values(asdict(supplier)))


def update_supplier(catalog: Catalog, supplier: Supplier) -> None:
    """Change a supplier; its images go through the change feed, since licence and authority are theirs.

    Raises:
        SupplierNotFound: No supplier has this name.
        CatalogError: A value cannot be used.
        UnknownLicense: The default licence is not known.
    """
    check_supplier(supplier)
    catalog.supplier(supplier.name)
    with catalog.engine.begin() as connection:
        connection.execute(
            update(suppliers).where(suppliers.c.name == supplier.name).values(asdict(supplier))
        )
        touched = select(images.c.row, images.c.image_id, literal("upsert"))
        touched = touched.where(images.c.supplier == supplier.name).order_by(images.c.row)
        connection.execute(insert(changes).from_select(["row", "image_id", "kind"], touched))


def remove_supplier(catalog: Catalog, name: str) -> None:
    """Remove a supplier that has no images (take those out first).

    Raises:
        SupplierNotFound: No supplier has this name.
        CatalogError: The supplier still has images.
    """
    catalog.supplier(name)
    count = catalog.supplier_counts()[name]
    if count:
        raise CatalogError(
            f"supplier {name!r} still has {count} images; `tusou supplier remove {name} --with-images` takes "
            "them out too",
            reason="supplier_in_use",
        )
    with catalog.engine.begin() as connection:
        connection.execute(delete(suppliers).where(suppliers.c.name == name))


def image_ids_of(catalog: Catalog, supplier: str) -> list[str]:
    """Ids of all a supplier's images, by row."""
    query = select(images.c.image_id).where(images.c.supplier == supplier).order_by(images.c.row)
    with catalog.engine.connect() as connection:
        return list(connection.scalars(query))
