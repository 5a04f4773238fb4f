"""Small real libraries: pictures made on the spot, ingested through the real pipeline in this process."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fakes import KeywordEncoder
from tusou.catalog.library import MARKER, Library
from tusou.catalog.records import Refusal
from tusou.errors import TusouError
from tusou.imaging.limits import Limits
from tusou.imaging.pool import Outcome
from tusou.ingest.indexing import open_index
from tusou.ingest.items import Item
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestJob, IngestOptions, IngestSummary, Progress
from tusou.ingest.sources import open_source, settle_supplier
from tusou.ingest.worker import Prepared, PrepareTask, Work, WorkerSetup
from tusou.types import Supplier

ACME = Supplier("acme", "Acme Pictures", license="CC-BY-4.0")


def picture(seed: int, size: tuple[int, int] = (48, 32), image_format: str = "JPEG") -> bytes:
    """Bytes of a picture no other seed gives."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, image_format)
    return file.getvalue()


def write_pictures(folder: Path, count: int, *, first: int = 0) -> list[Path]:
    """``p000.jpg`` on, each different."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"p{i:03d}.jpg" for i in range(first, first + count)]
    for i, path in enumerate(paths):
        path.write_bytes(picture(first + i))
    return paths


def make_zip(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    """A zip with these members."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    """A tar with these members."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def read_source(path: Path, kind: str = "", **options: Any) -> tuple[dict[str, Item], dict[str, str]]:
    """Items by id, and refused paths with their reason."""
    entries = list(open_source(path, ReadOptions(**options), kind).entries)
    items = {entry.item_id: entry for entry in entries if isinstance(entry, Item)}
    return items, {entry.path: entry.reason for entry in entries if isinstance(entry, Refusal)}


def read_content(item: Item) -> bytes:
    """The bytes of an item."""
    return item.content.read(10**7)


class SerialWorkers:
    """Does in this process, one item at a time, what a GuardedPool does in others."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._task = PrepareTask(setup)

    def map(
        self,
        items: Iterable[Work],
        *,
        chunk_size: int = 8,  # noqa: ARG002 - as GuardedPool.map has it
    ) -> Iterator[Outcome[Work, Prepared]]:
        for item in items:
            try:
                yield Outcome(item, self._task.finish([self._task.prepare(item)])[0])
            except TusouError as error:
                yield Outcome(item, None, error)

    def close(self) -> None:
        self._task.close()


def no_network(url: str) -> bytes:
    raise AssertionError(f"{url} was fetched")


def ingest(
    library: Path,
    source: Path,
    supplier: Supplier = ACME,
    *,
    kind: str = "",
    reading: ReadOptions | None = None,
    fetch: Callable[[str], bytes] = no_network,
    report: Callable[[Progress], None] = lambda _progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    encoder: KeywordEncoder | None = None,
    **options: Any,
) -> IngestSummary:
    """Ingest a source into the library at a path, which is made when there is none."""
    encoder = encoder or KeywordEncoder()
    exists = (library / MARKER).exists()
    with Library.open(library, writer=True) if exists else Library.create(library) as opened:
        known = settle_supplier(opened.catalog, supplier.name, supplier)
        workers = SerialWorkers(WorkerSetup(opened.path, lambda: encoder, Limits()))
        index = open_index(opened, encoder, writer=True)
        try:
            job = IngestJob(
                opened,
                open_source(source, reading or ReadOptions(), kind),
                known,
                encoder,
                index,
                workers,
                fetch,
                IngestOptions(**options),
                report,
                should_stop,
            )
            return job.run()
        finally:
            index.close()
            workers.close()
