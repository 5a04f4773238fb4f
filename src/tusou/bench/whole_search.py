"""Speed of whole searches at scale: query text or picture in, page out, over a catalog of as many images."""

from __future__ import annotations

import io
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from tusou.bench.machine import Timings, percentiles, resident_mb
from tusou.bench.search_scale import CHUNK, FILTERS, MODEL_ID, FileRows, Progress, build
from tusou.bench.synthetic import HUNDREDTH, TENTH, SyntheticLibrary
from tusou.catalog.library import Library
from tusou.catalog.records import Batch, Origin, image_id_of
from tusou.catalog.suppliers import add_supplier
from tusou.encoders.bundle_encoder import open_encoder
from tusou.index.base import IndexDocument, TextQuery
from tusou.index.embedded import EmbeddedIndex
from tusou.search.engine import SearchEngine
from tusou.types import ImageRecord, Metadata, Quality, SearchRequest, Supplier

DAY = datetime(2026, 1, 1, tzinfo=UTC)
PICTURE = (1600, 1067)
"""Size of the query picture: a supplier's preview."""


def run(rows: int, queries: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure text searches (embedding known and new) and picture searches.

    Args:
        rows: Images of the library.
        queries: Searches of each kind.
        folder: Where the synthetic library lies or is made.
        progress: Told the part done.
    """
    encoder = open_encoder("base")
    synthetic = SyntheticLibrary(rows, encoder.dim)
    place = folder / f"{rows}x{encoder.dim}"
    build(place, synthetic, progress)
    with _library(place / "library", synthetic, progress) as library:
        vectors = FileRows(place / "rows.f16", encoder.dim)
        index = EmbeddedIndex.open(place / "index", vectors, MODEL_ID)
        texts = [_query_text(query) for query, _ in synthetic.queries(queries)]
        report: dict[str, Any] = {"rows": rows, "dim": encoder.dim, "bundle": encoder.model_id}
        with threadpool_limits(limits=1, user_api="blas"):  # as a server searches
            report["queries"] = _measure(SearchEngine(library, encoder, index), texts)
        report["resident_mb"] = round(resident_mb())
        index.close()
    return report


def _measure(engine: SearchEngine, texts: Sequence[str]) -> dict[str, Any]:
    tenth, hundredth = FILTERS["10%"], FILTERS["1%"]
    asked = [SearchRequest(q=text) for text in texts]
    _time(engine, asked)  # files become warm, texts known to the encoder
    kinds = {
        "text, embedding known": asked,
        "text, new": [SearchRequest(q=f"{text} new") for text in texts],
        "text, 10% filter": [SearchRequest(q=text, filters=tenth) for text in texts],
        "text, 1% filter": [SearchRequest(q=text, filters=hundredth) for text in texts],
        "text, facets": [SearchRequest(q=text, facets=True) for text in texts],
        "picture": [SearchRequest(image=_picture(seed)) for seed in range(min(len(texts), 20))],
    }
    return {kind: {"stages_ms": _time(engine, requests)} for kind, requests in kinds.items()}


def _time(engine: SearchEngine, requests: Sequence[SearchRequest]) -> dict[str, dict[str, float]]:
    """Wall and processor time of whole searches, wall time of their stages."""
    timings, stages = Timings(), defaultdict[str, list[float]](list)
    for request in requests:
        with timings.measure("whole search"):
            page = engine.search(request)
        for stage, milliseconds in page.timings.items():
            stages[stage].append(milliseconds)
    return timings.summary() | {stage: percentiles(values) for stage, values in stages.items()}


def _library(path: Path, synthetic: SyntheticLibrary, progress: Progress) -> Library:
    """A library whose catalog holds a record for every synthetic document."""
    if path.exists():
        library = Library.open(path)
        if library.catalog.count() == synthetic.rows:
            return library
        library.close()
        shutil.rmtree(path)
    Library.create(path).close()
    with Library.open(path, writer=True) as library:
        for name in (TENTH, HUNDREDTH, "rest"):
            add_supplier(library.catalog, Supplier(name, license="CC0-1.0"))
        for start in range(0, synthetic.rows, CHUNK):
            stop = min(start + CHUNK, synthetic.rows)
            records = [(_record(document), Origin()) for document in synthetic.documents(start, stop)]
            library.catalog.apply(Batch(images=records))
            progress(stop / synthetic.rows)
    return Library.open(path)


def _record(document: IndexDocument) -> ImageRecord:
    words = {name: tokens.words for name, tokens in document.fields.items()}
    rights = Metadata(creator=words["creator"][0], license=document.license, filename=words["filename"][0])
    if document.row % 2 == 0:
        title, description = " ".join(words["title"]), " ".join(words["description"])
        metadata = replace(rights, title_en=title, description_en=description, keywords_en=words["keywords"])
    else:
        title, description = "".join(words["title"]), "".join(words["description"])
        metadata = replace(rights, title_zh=title, description_zh=description, keywords_zh=words["keywords"])
    return ImageRecord(
        image_id=image_id_of(document.supplier, str(document.row)),
        row=document.row,
        supplier=document.supplier,
        item_id=str(document.row),
        sha256=f"{document.row:064x}",
        byte_size=1_000_000,
        format=document.format,
        width=document.width,
        height=document.height,
        frames=1,
        thumb_hash=bytes(25),
        fingerprint=document.fingerprint,
        fingerprint_quality=document.fingerprint_quality,
        quality=Quality(document.width * document.height / 1e6, 6.0, 1.0, 0.2, 40.0, 0.0),
        palette=document.palette,
        metadata=metadata,
        added=DAY,
        updated=DAY,
    )


def _query_text(query: TextQuery) -> str:
    return " ".join(clause.words[0] for clause in query.should)


def _picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (PICTURE[1] // 8, PICTURE[0] // 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize(PICTURE, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()
