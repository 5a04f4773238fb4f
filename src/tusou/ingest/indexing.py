"""Keep the derived index in step with the catalog: documents, catching up, building anew."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from tusou.catalog.durable import storage_errors, sync_all
from tusou.catalog.library import Library
from tusou.catalog.licenses import license_of
from tusou.catalog.model_roles import LibraryModel, adopt_model, current_model
from tusou.catalog.records import Change
from tusou.errors import IndexStale, LibraryLocked, UnknownLicense
from tusou.index.base import FieldTokens, Index, IndexDocument
from tusou.index.embedded import EmbeddedIndex
from tusou.text.analyze import Analyzer, default_analyzer
from tusou.text.user_words import UserWords
from tusou.types import ImageRecord, Language, Supplier

_PAGE = 2_000  # changes per index commit


class Model(Protocol):
    """Names a model; every encoder does."""

    @property
    def model_id(self) -> str:
        """Keeps embeddings of different models apart."""
        ...

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        ...


def document_of(record: ImageRecord, supplier: Supplier, analyzer: Analyzer | None = None) -> IndexDocument:
    """What the index knows of an image.

    Args:
        record: The image, with the rights that hold (as Catalog gives it).
        supplier: Its supplier.
        analyzer: Segments the texts; the default one when None.
    """
    quality = record.quality
    return IndexDocument(
        row=record.row,
        fields=_fields(record, analyzer or default_analyzer()),
        supplier=record.supplier,
        license=record.metadata.license,
        license_type=license_types(record.metadata.license),
        format=record.format,
        width=record.width,
        height=record.height,
        added=record.added.timestamp(),
        palette=record.palette[:6],
        fingerprint=record.fingerprint,
        fingerprint_quality=record.fingerprint_quality,
        features={
            "authority": supplier.authority,
            "megapixels": quality.megapixels,
            "sharpness": quality.sharpness,
            "exposure": quality.exposure,
            "contrast": quality.contrast,
            "colorfulness": quality.colorfulness,
            "blockiness": quality.blockiness,
            "keyword_count": float(len(record.metadata.keywords_en) + len(record.metadata.keywords_zh)),
            "texts_en": _has_texts(record, "en"),
            "texts_zh": _has_texts(record, "zh"),
            "added_day": record.added.timestamp() / 86_400,
        },
    )


def _has_texts(record: ImageRecord, lang: Language) -> float:
    """1 for an image with a title, keywords or a description in a language, 0 for others."""
    metadata = record.metadata
    return float(any(getattr(metadata, f"{field}_{lang}") for field in ("title", "keywords", "description")))


def field_texts(record: ImageRecord) -> dict[str, str]:
    """The text fields of an image by name (of ``index.base.FIELDS``), both languages together."""
    metadata = record.metadata
    stem = metadata.filename.rpartition(".")[0] or metadata.filename
    return {
        "title": f"{metadata.title_en}\n{metadata.title_zh}",
        "keywords": "\n".join((*metadata.keywords_en, *metadata.keywords_zh)),
        "description": f"{metadata.description_en}\n{metadata.description_zh}",
        "creator": metadata.creator,
        "filename": re.sub(r"[_\-.+]+|(?<=[a-z])(?=[A-Z])", " ", stem),
    }


def _fields(record: ImageRecord, analyzer: Analyzer) -> dict[str, FieldTokens]:
    fields: dict[str, FieldTokens] = {}
    for name, text in field_texts(record).items():
        tokens = analyzer.analyze(text)
        fields[name] = FieldTokens(tokens.words, tokens.grams)
    return fields


def license_types(code: str) -> tuple[str, ...]:
    """What a licence allows, as filters name it; nothing for an unknown or missing one."""
    if not code:
        return ()
    try:
        known = license_of(code)
    except UnknownLicense:
        return ()
    allowed = {"commercial": known.commercial, "modification": known.modification}
    return tuple(name for name, holds in allowed.items() if holds)


def open_index(library: Library, model: Model, *, writer: bool = False) -> Index:
    """Open the library's index for a model.

    Args:
        library: Open for writing when ``writer``.
        model: An encoder, or anything that names its model. A library without a model adopts a writer's.
        writer: Open for upsert, delete and commit.

    Raises:
        IndexStale: The library uses another model.
        IndexCorrupt: A file of the index does not match its manifest.
    """
    check_model(library, model)
    if writer:
        adopt_model(library.catalog, LibraryModel(model.model_id, model.dim))
    rows = library.embeddings(model.model_id, model.dim)
    return EmbeddedIndex.open(library.index_folder(model.model_id), rows, model.model_id, writer=writer)


def check_model(library: Library, model: Model) -> None:
    """Refuse a model the library does not use.

    Raises:
        IndexStale: Naming the model it uses.
    """
    current = current_model(library.catalog)
    if current is not None and model.model_id != current.model_id:
        raise IndexStale(
            f"{library.path} is embedded with {current.model_id}, not with {model.model_id}; use that one, "
            "or switch the library with `tusou models use`"
        )


def catch_up(library: Library, index: Index) -> int:
    """Apply every change the index has not seen, page by page, each page durable.

    It stops before an image that has no embedding of the index's model yet; who embeds it catches up then.

    Args:
        library: Where the changes are.
        index: Open for writing.

    Returns:
        Number of changes applied.
    """
    words = UserWords(index.folder)
    applied = 0
    while changes := _embedded(library, index, library.catalog.changes(index.watermark, _PAGE)):
        _apply(library, index, changes, words)
        index.commit(changes[-1].number)
        applied += len(changes)
    return applied


def _embedded(library: Library, index: Index, changes: Sequence[Change]) -> Sequence[Change]:
    """The changes before the first live image without an embedding."""
    embedded = index.embedded
    waiting = library.catalog.get_rows(change.row for change in changes if change.row >= embedded)
    return list(takewhile(lambda change: change.kind == "delete" or change.row not in waiting, changes))


def _apply(library: Library, index: Index, changes: Sequence[Change], words: UserWords) -> None:
    last = {change.row: change.kind for change in changes}
    live = library.catalog.get_rows(row for row, kind in last.items() if kind == "upsert")
    suppliers = {supplier.name: supplier for supplier in library.catalog.suppliers()}
    # A row may have died after this page; then it is not in the catalog and must not stay in the index.
    index.delete([row for row in last if row not in live])
    index.upsert(_documents([live[row] for row in sorted(live)], suppliers, words))


def _documents(
    records: Sequence[ImageRecord], suppliers: Mapping[str, Supplier], words: UserWords
) -> list[IndexDocument]:
    """Documents of records; their Chinese keywords enter the library's dictionary first."""
    with storage_errors(words.path):
        words.learn(keyword for record in records for keyword in record.metadata.keywords_zh)
    return [document_of(record, suppliers[record.supplier], words.analyzer) for record in records]


def catch_up_if_behind(library: Library, model: Model, index: Index) -> bool:
    """Bring an index a reader found behind up to date, if nobody else is writing.

    A crash between the catalog's commit and the index's leaves the index behind; whoever comes next mends
    it. While a writer is at work it does so itself.

    Args:
        library: The reader's library.
        model: The index's.
        index: The reader's index; refreshed when something was done.

    Returns:
        Whether the index is up to date now.
    """
    if index.watermark >= library.catalog.last_change():
        return True
    try:
        with Library.open(library.path, writer=True) as writing:
            update_index(writing, model)
    except LibraryLocked:
        return False
    index.refresh()
    return index.watermark >= library.catalog.last_change()


def update_index(library: Library, model: Model | None = None) -> int:
    """Open a writer's index, catch up, close; returns the number of changes applied.

    Args:
        library: Open for writing.
        model: The index's; the one the library uses when None.
    """
    model = model or current_model(library.catalog)
    if model is None:
        return 0  # nothing was ever embedded, so there is no index either
    index = open_index(library, model, writer=True)
    try:
        return catch_up(library, index)
    finally:
        index.close()


def rebuild_index(library: Library, model: Model) -> int:
    """Build the index anew beside the old one and put it in its place.

    Args:
        library: Open for writing.
        model: The one the library uses.

    Returns:
        Number of images indexed.

    Raises:
        IndexStale: The library uses another model, or some images have no embedding yet.
    """
    check_model(library, model)
    place = library.index_folder(model.model_id)
    fresh = place.with_name(f"{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    rows = library.embeddings(model.model_id, model.dim)
    if len(rows) < library.catalog.row_limit():
        raise IndexStale(
            f"{library.catalog.row_limit() - len(rows):,} rows have no embedding of {model.model_id}; "
            "run `tusou rebuild --embeddings`"
        )
    index = EmbeddedIndex.open(fresh, rows, model.model_id, writer=True)
    try:
        count = fill_index(library, index, library.catalog.last_change())
    finally:
        index.close()
    _swap(place, fresh)
    return count


def fill_index(library: Library, index: Index, watermark: int) -> int:
    """Put every image that has an embedding into an empty index under one commit; returns their number.

    Args:
        library: Where the images are.
        index: Open for writing.
        watermark: Number of a change; the images it and all before it are about have embeddings.
    """
    words = UserWords(index.folder)
    suppliers = {supplier.name: supplier for supplier in library.catalog.suppliers()}
    embedded = index.embedded
    count, row = 0, -1
    while records := library.catalog.records(row, _PAGE):
        row = records[-1].row
        records = [record for record in records if record.row < embedded]
        index.upsert(_documents(records, suppliers, words))
        count += len(records)
    index.commit(watermark)
    return count


def _swap(path: Path, fresh: Path) -> None:
    """Put a folder in another's place; a crash in between leaves no index, which catches up from nothing."""
    old = path.with_name(f"{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.replace(old)
    fresh.replace(path)
    sync_all([path.parent])
    shutil.rmtree(old, ignore_errors=True)
