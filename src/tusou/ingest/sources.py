"""Which reader a source needs, and the supplier.json that may come with it."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tusou.catalog.catalog import Catalog
from tusou.catalog.licenses import normalize_license
from tusou.catalog.suppliers import add_supplier, check_supplier
from tusou.errors import SourceError, SupplierNotFound
from tusou.imaging.sniff import EXTENSIONS
from tusou.ingest.items import Entries
from tusou.ingest.options import ReadOptions
from tusou.ingest.readers.folder import read_folder
from tusou.ingest.readers.jsonl import read_jsonl
from tusou.ingest.readers.karpathy import read_karpathy
from tusou.ingest.readers.muge import is_muge_table, read_muge
from tusou.ingest.readers.table import read_table
from tusou.ingest.readers.tar_archive import ENDINGS, read_shards, read_tar, shards_of
from tusou.ingest.readers.urls import read_urls
from tusou.ingest.readers.zip_archive import read_zip
from tusou.ingest.sidecars import parse_object
from tusou.types import Supplier

READERS: dict[str, Callable[[Path, ReadOptions], Entries]] = {
    "folder": read_folder,
    "csv": read_table,
    "jsonl": read_jsonl,
    "json": read_karpathy,
    "zip": read_zip,
    "tar": read_tar,
    "shards": read_shards,
    "muge": read_muge,
    "urls": read_urls,
}
"""Format, as ``--format`` takes it, to its reader."""

_BY_ENDING = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".txt": "urls",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A source ready to be read.

    Attributes:
        path: Where it lies.
        format: A key of READERS.
        entries: Its items.
        supplier: What the ``supplier.json`` beside it says; None without one.
    """

    path: Path
    format: str
    entries: Entries
    supplier: Supplier | None


def open_source(path: Path, options: ReadOptions, format: str = "") -> Source:  # noqa: A002 - as on the command line
    """Find out what a source is and open it.

    Args:
        path: Folder, table, archive or list.
        options: How to read it.
        format: A key of READERS; found out when empty.

    Raises:
        SourceError: It does not exist, is of no known kind, or cannot be read as a whole.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist", reason="source_not_found")
    path = path.resolve()
    kind = format or sniff_source(path)
    if kind not in READERS:
        raise SourceError(f"format {kind!r} is unknown; formats are: {', '.join(READERS)}")
    return Source(path, kind, READERS[kind](path, options), _supplier_beside(path))


def sniff_source(path: Path) -> str:
    """The format of a source by its kind, its name and its first bytes.

    Raises:
        SourceError: Nothing tusou can read.
    """
    if path.is_dir():
        return "shards" if _is_shard_folder(path) else "folder"
    if not path.is_file():
        raise SourceError(f"{path} is neither a folder nor a regular file", reason="not_a_file")
    if path.suffix.lower() == ".tsv" and is_muge_table(path):
        return "muge"
    by_name = _BY_ENDING.get(path.suffix.lower())
    if by_name:
        return by_name
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return "zip"
    if path.name.lower().endswith(ENDINGS) or tarfile.is_tarfile(path):
        return "tar"
    if any(path.suffix.lower() in endings for endings in EXTENSIONS.values()):
        raise SourceError(f"{path} is a single picture; give the folder it lies in")
    raise SourceError(
        f"{path}: not a kind of source tusou knows; force one of {', '.join(READERS)} with --format"
    )


def _is_shard_folder(path: Path) -> bool:
    """Tar files and no pictures at the top."""
    endings = {ending for group in EXTENSIONS.values() for ending in group}
    return bool(shards_of(path)) and not any(file.suffix.lower() in endings for file in path.iterdir())


def _supplier_beside(path: Path) -> Supplier | None:
    file = (path if path.is_dir() else path.parent) / "supplier.json"
    return read_supplier(file) if file.is_file() else None


def read_supplier(path: Path) -> Supplier:
    """A supplier described by a JSON file.

    Raises:
        SourceError: No JSON object, or a field of the wrong kind.
        CatalogError: A value that cannot be used.
    """
    values: dict[str, Any] = parse_object(path.read_bytes(), "bad_supplier")
    words = {
        name: str(values.get(name, "")) for name in ("name", "title", "license", "url", "contact", "terms")
    }
    try:
        supplier = Supplier(**words, authority=float(values.get("authority", 0.5)))
    except (TypeError, ValueError) as error:
        raise SourceError(f"{path}: {error}; see docs/guides/ingest.md", reason="bad_supplier") from None
    if supplier.license:
        supplier = replace(supplier, license=normalize_license(supplier.license))
    check_supplier(supplier)
    return supplier


def supplier_name(asked: str, beside: Supplier | None) -> str:
    """The supplier to ingest for: the one asked for, else the one of the source's supplier.json.

    Raises:
        SourceError: Neither says.
    """
    if asked:
        return asked
    if beside is None:
        raise SourceError(
            "whose images are these? Name the supplier with --supplier, or deliver a supplier.json",
            reason="missing_supplier",
        )
    return beside.name


def settle_supplier(catalog: Catalog, name: str, beside: Supplier | None) -> Supplier:
    """The supplier of this name: as the catalog knows it, else added as the source describes it.

    Args:
        catalog: Open for writing.
        name: See supplier_name.
        beside: What the supplier.json says.

    Raises:
        SupplierNotFound: The name is unknown and the source does not describe it.
    """
    try:
        return catalog.supplier(name)
    except SupplierNotFound:
        if beside is None or beside.name != name:
            raise
    add_supplier(catalog, beside)
    return beside
