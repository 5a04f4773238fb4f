"""Two tiny bundles of different dimension, and what a library switched between them needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bundle_builder import build_bundle
from library_builder import ACME, SerialWorkers, no_network
from search_builders import BLUE, GREEN, RED, png, solid
from tusou.catalog.library import MARKER, Library
from tusou.catalog.model_roles import LibraryModel
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.errors import TusouError
from tusou.imaging.limits import Limits
from tusou.imaging.pool import Outcome
from tusou.ingest.check import check_library
from tusou.ingest.embedding import EmbedSetup, EmbedTask, Opener
from tusou.ingest.indexing import open_index
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestJob, IngestOptions
from tusou.ingest.sources import open_source, settle_supplier
from tusou.ingest.worker import WorkerSetup
from tusou.types import Embeddings

COLORS = (RED, GREEN, BLUE)


@dataclass(frozen=True)
class Bundles:
    """Two bundles and where they are installed from.

    Attributes:
        tiny: Folder of the bundle of dimension 3.
        wide: Folder of the bundle of dimension 5.
    """

    tiny: Path
    wide: Path

    def opener(self, name: str) -> partial[BundleEncoder]:
        """What opens a bundle's encoder."""
        return partial(open_encoder, getattr(self, name))

    def model(self, name: str) -> LibraryModel:
        """What a library knows of a bundle."""
        encoder = self.opener(name)()
        return LibraryModel(encoder.model_id, encoder.dim)


def build_bundles(folder: Path) -> Bundles:
    """Make both."""
    return Bundles(
        build_bundle(folder / "bundle-tiny"), build_bundle(folder / "bundle-wide", name="wide", space=5)
    )


def write_colors(folder: Path, count: int, *, first: int = 0) -> None:
    """Pictures of one colour each, every one with other bytes: red, green, blue, and again."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        (folder / f"p{i:03d}.png").write_bytes(png(solid(COLORS[i % 3], 16 + i, 16)))


def ingest_with(library: Path, source: Path, open_any: Opener) -> None:
    """Ingest a folder in this process, with a real bundle's encoder."""
    exists = (library / MARKER).exists()
    with Library.open(library, writer=True) if exists else Library.create(library) as opened:
        known = settle_supplier(opened.catalog, ACME.name, ACME)
        encoder = open_any()
        index = open_index(opened, encoder, writer=True)
        workers = SerialWorkers(WorkerSetup(opened.path, open_any, Limits()))
        try:
            delivery = open_source(source, ReadOptions())
            IngestJob(opened, delivery, known, encoder, index, workers, no_network, IngestOptions()).run()
        finally:
            index.close()
            workers.close()


class SerialEmbedders:
    """Does in this process what a pool of EmbedTasks does in others."""

    def __init__(self, open_encoder: Opener) -> None:
        self._task = EmbedTask(EmbedSetup(open_encoder, Limits()))

    def map(
        self,
        items: Iterator[Path],
        *,
        chunk_size: int = 8,  # noqa: ARG002 - as GuardedPool.map has it
        ordered: bool = False,  # noqa: ARG002
    ) -> Iterator[Outcome[Path, Embeddings]]:
        for item in items:
            try:
                yield Outcome(item, self._task.finish([self._task.prepare(item)])[0])
            except TusouError as error:
                yield Outcome(item, None, error)


def embed_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let switches and their kin do without worker processes, which take a second to start."""

    @contextmanager
    def serial(_library: Library, open_encoder: Opener) -> Iterator[SerialEmbedders]:
        yield SerialEmbedders(open_encoder)

    for module in ("switch", "embedding", "rebuild"):
        monkeypatch.setattr(f"tusou.ingest.{module}.open_embedders", serial)


def problems(path: Path) -> Sequence[str]:
    """What `tusou check` says."""
    with Library.open(path, writer=True) as library:
        return [f"{problem.what}: {problem.where}" for problem in check_library(library)]
