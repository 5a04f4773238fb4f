"""A small world to search in: real library, real index, pictures of striped colours."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fakes import KeywordEncoder, solid, striped
from tusou.catalog.library import Library
from tusou.catalog.records import Batch, Origin, image_id_of
from tusou.catalog.suppliers import add_supplier
from tusou.imaging.analyze import analyze_image
from tusou.imaging.limits import Limits
from tusou.index.base import Index
from tusou.ingest.indexing import catch_up, open_index
from tusou.ranking.bank import ImageBank
from tusou.ranking.cutoff import Cutoff
from tusou.ranking.cutoff_files import library_folder, save_cutoff
from tusou.search.engine import SearchEngine
from tusou.types import (
    ImageRecord,
    Metadata,
    Pixels,
    Quality,
    SearchPage,
    SearchRequest,
    Supplier,
    Swatch,
)

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 0)
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (128, 128, 128)
START = datetime(2024, 5, 1, tzinfo=UTC)


def a_record(row: int = 0, **fields: Any) -> ImageRecord:
    """An image record; fields of Metadata may be given beside those of ImageRecord."""
    metadata = {name: fields.pop(name) for name in list(fields) if name in Metadata.__slots__}
    values: dict[str, Any] = {
        "image_id": f"img{row:04d}",
        "row": row,
        "supplier": "acme",
        "item_id": f"item-{row}",
        "sha256": f"{row:064x}",
        "byte_size": 1000,
        "format": "jpeg",
        "width": 1200,
        "height": 800,
        "frames": 1,
        "thumb_hash": b"\x01\x02\x03",
        "fingerprint": bytes(32),
        "fingerprint_quality": 100,
        "quality": Quality(0.96, 5.0, 0.9, 0.2, 40.0, 0.0),
        "palette": (Swatch((255, 0, 0), 0.75), Swatch((0, 0, 0), 0.25)),
        "metadata": Metadata(**metadata),
        "added": START + timedelta(days=row),
        "updated": START + timedelta(days=row),
    }
    return ImageRecord(**(values | fields))


def png(pixels: Pixels) -> bytes:
    """A picture as PNG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    """A picture as JPEG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def textured(seed: int, height: int = 240, width: int = 320) -> Pixels:
    """A picture with enough detail for a fingerprint: soft random blobs, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


class World:
    """A library that is written and searched in one process, by two handles as in real life."""

    def __init__(self, path: Path) -> None:
        self.encoder = KeywordEncoder()
        self.library = Library.create(path / "library")
        self.embeddings = self.library.embeddings(self.encoder.model_id, self.encoder.dim)
        self.index: Index = open_index(self.library, self.encoder, writer=True)
        for name in ("acme", "zoo"):
            add_supplier(self.library.catalog, Supplier(name, title=f"{name.title()} Pictures"))

    def engine(self) -> SearchEngine:
        """A new engine, as another process would open it."""
        return SearchEngine.open(self.library, self.encoder)

    def add(self, pixels: Pixels | None = None, *, index_too: bool = True, **fields: Any) -> str:
        """Add one image; returns its id. Default picture: grey."""
        pixels = solid(GREY) if pixels is None else pixels
        return self.add_many([(pixels, fields)], index_too=index_too)[0]

    def add_many(
        self, images: Iterable[tuple[Pixels, dict[str, Any]]], *, index_too: bool = True
    ) -> list[str]:
        """Add images in one transaction, and to the index unless that lags behind; returns their ids."""
        records = []
        start = self.library.catalog.row_limit()
        embeddings = []
        for row, (pixels, given) in enumerate(images, start):
            data = png(pixels)
            analysis, working = analyze_image(data, Limits())
            self.library.blobs.put(data)
            self.library.thumbnails.put([(analysis.sha256, analysis.thumbnail)])
            fields: dict[str, Any] = {"supplier": "acme", "item_id": f"item-{row}"} | given
            measured = {name: getattr(analysis, name) for name in analysis.__slots__ if name != "thumbnail"}
            fields = measured | {"image_id": image_id_of(fields["supplier"], fields["item_id"])} | fields
            records.append(a_record(row, byte_size=len(data), **fields))
            embeddings.append(self.encoder.encode_images([working])[0])
        segment = self.embeddings.append(start, np.stack(embeddings))
        self.library.catalog.apply(Batch([(record, Origin()) for record in records], segments=[segment]))
        if index_too:
            catch_up(self.library, self.index)
        return [record.image_id for record in records]

    def remove(self, image_id: str, *, index_too: bool = True) -> None:
        """Take an image out of the catalog, and out of the index unless that lags behind."""
        self.library.catalog.apply(Batch(removed=[image_id]))
        if index_too:
            catch_up(self.library, self.index)

    def index_changes(self) -> None:
        """Let the index follow the catalog."""
        catch_up(self.library, self.index)

    def close(self) -> None:
        self.index.close()
        self.library.close()


def ask(engine: SearchEngine, q: str = "", **fields: Any) -> SearchPage:
    """Search with a request of these fields."""
    return engine.search(SearchRequest(q=q, **fields))


def items(page: SearchPage) -> list[str]:
    """The suppliers' ids of a page's images, in order."""
    return [hit.image.item_id for hit in page.hits]


__all__ = ["World", "a_record", "ask", "items", "jpeg", "png", "solid", "striped", "textured"]


def give_cutoff(world: World, threshold: float = 0.5) -> Path:
    """The probability of relevance is the mean of cosine and coverage."""
    dim = world.encoder.dim
    bank = ImageBank(np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32))
    cutoff = Cutoff(bank, np.ones(2), np.array([0.0, 2.0]), np.array([0.0, 1.0]), threshold)
    folder = library_folder(world.library.path, world.encoder.model_id)
    save_cutoff(folder, cutoff, world.encoder.model_id, {})
    return folder
