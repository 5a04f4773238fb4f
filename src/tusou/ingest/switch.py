"""Switch a library to another model: embed and index beside the old one, then swap in one transaction.

The old model answers until the swap, and stays for a rollback. See docs/design/0005-switching-models.md.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tusou.catalog.catalog import Catalog
from tusou.catalog.embeddings import EmbeddingStore
from tusou.catalog.library import Library
from tusou.catalog.lock import WriterLock
from tusou.catalog.model_roles import (
    LibraryModel,
    announce_model,
    current_model,
    models_by_role,
    promote_model,
    roll_back_library,
    withdraw_model,
)
from tusou.catalog.records import Refusal
from tusou.errors import LibraryLocked, StorageFull, VectorIndexError
from tusou.index.embedded import EmbeddedIndex
from tusou.ingest.embedding import (
    Embedders,
    Opener,
    complete_embeddings,
    embed_missing,
    images_without_embedding,
    open_embedders,
)
from tusou.ingest.indexing import catch_up, fill_index, update_index
from tusou.types import ImageRecord

Stage = Literal["embed", "index", "wait"]
"""What a switch does: embed images, index them, or wait until a running ingest ends."""

State = Literal["done", "interrupted", "unchanged"]

_LOCK = "switch.lock"
_WAIT_SECONDS = 0.5
_SPARE_BYTES = 64 * 1024 * 1024  # room left for the catalog and everybody else

Show = Callable[[Stage, float], None]
"""Called with the stage and the part of it done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class SwitchSummary:
    """What a switch did.

    Attributes:
        state: ``done``; ``interrupted`` when it was asked to stop; ``unchanged`` when the model was in use.
        model: The model switched to.
        images: Live images.
        refusals: Originals of this run that could not be read.
        without: Images that words find and pictures do not, because their originals could not be read.
        seconds: Time it took.
    """

    state: State
    model: LibraryModel
    images: int
    refusals: list[Refusal]
    without: list[ImageRecord]
    seconds: float


def switch_model(
    path: Path,
    model: LibraryModel,
    open_encoder: Opener,
    show: Show = lambda _stage, _fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SwitchSummary:
    """Switch a library; the same call continues what was interrupted or killed.

    Ingest may run beside it: only the swap needs the writer lock, and waits for it. Switching to the model in
    use drops a switch that is half done.

    Args:
        path: The library.
        model: The model to use.
        open_encoder: Makes its encoder; picklable, called in each worker.
        show: Called with every step.
        should_stop: Asked after each batch and while waiting.

    Raises:
        LibraryLocked: Another process is switching this library.
        StorageFull: The disk has no room.
        SourceError: Too many originals cannot be read; nothing was swapped.
    """
    started = time.monotonic()
    if _is_previous(path, model):
        roll_back_library(path)
        refusals = catch_up_model(path, open_encoder, show)
        return _summary("done", path, model, started, refusals)
    with _switching(path) as (library, catalog):
        if current_model(catalog) == model:
            withdraw_model(catalog)
            drop_unused(library, catalog)
            return _summary("unchanged", path, model, started)
        check_room(library, model)
        announce_model(catalog, model)
        drop_unused(library, catalog)
        folder = library.path / "embeddings" / model.model_id
        store = EmbeddingStore(folder, model.model_id, model.dim, catalog, writer=True)
        _drop_damaged(library, store)
        index = _open_index(library, store)
        switch = _Switch(library, catalog, model, store, index, show, should_stop)
        try:
            with open_embedders(library, open_encoder) as workers:
                done = switch.run(workers)
        finally:
            index.close()
        drop_unused(library, catalog)
    return _summary("done" if done else "interrupted", path, model, started, switch.refusals)


@dataclass(slots=True)
class _Switch:
    """One run.

    The catalog is open for writing without the writer lock: only rows of the next model and its role are
    written, and those are this process's as long as it holds the switch lock.
    """

    library: Library
    catalog: Catalog
    model: LibraryModel
    store: EmbeddingStore
    index: EmbeddedIndex
    show: Show
    should_stop: Callable[[], bool]
    refusals: list[Refusal] = field(default_factory=list)

    def run(self, workers: Embedders) -> bool:
        """Embed, index and swap; True when swapped."""
        while not self.should_stop():
            self._follow(workers)
            if self.should_stop():
                break
            with _writer(self.library.path) as free:
                if free:
                    self._follow(workers)  # what came since; nothing more comes while the lock is held
                    self.index.close()  # the next writer's from here on
                    promote_model(self.catalog, self.model.model_id)
                    return True
            self.show("wait", 1.0)
            time.sleep(_WAIT_SECONDS)
        return False

    def _follow(self, workers: Embedders) -> None:
        """Embed and index every image there is at this moment, unless asked to stop."""
        change = self.library.catalog.last_change()
        if len(self.store) < self.library.catalog.row_limit():
            self.refusals += embed_missing(
                self.library, self.store, workers, lambda part: self.show("embed", part), self.should_stop
            )
        if self.should_stop():
            return
        self.show("index", 0.0)
        if self.index.watermark == 0:
            fill_index(self.library, self.index, change)
        catch_up(self.library, self.index)


def catch_up_model(
    path: Path, open_encoder: Opener, show: Show = lambda _stage, _fraction: None
) -> list[Refusal]:
    """Embed and index, after a rollback, what came while the other model was in use.

    A running ingest (which goes on with the other model) is waited for. Whoever ingests next does the same.

    Args:
        path: The library.
        open_encoder: Makes the encoder of the model in use.
        show: Called with every step.

    Returns:
        Originals that could not be read.
    """
    while True:
        try:
            with Library.open(path, writer=True) as library:
                refusals = complete_embeddings(library, open_encoder, lambda part: show("embed", part))
                show("index", 0.0)
                update_index(library)
                return refusals
        except LibraryLocked:
            show("wait", 1.0)
            time.sleep(_WAIT_SECONDS)


def check_room(library: Library, model: LibraryModel) -> None:
    """Refuse a switch the disk has no room for.

    Raises:
        StorageFull: Saying what is needed: float16 rows, and an index as large as the present one.
    """
    rows = library.catalog.row_limit() - library.catalog.embedded_rows(model.model_id)
    current = current_model(library.catalog)
    index = library.index_folder(current.model_id) if current is not None else library.index_path
    have = library.index_folder(model.model_id)
    needed = rows * model.dim * 2 + max(_byte_size(index) - _byte_size(have), 0) + _SPARE_BYTES
    free = shutil.disk_usage(library.path).free
    if free < needed:
        raise StorageFull(
            f"switching {library.path} to {model.model_id} needs {needed / 1e6:,.0f} MB, free are "
            f"{free / 1e6:,.0f} MB; nothing was changed: free space and run again"
        )


def drop_unused(library: Library, catalog: Catalog) -> None:
    """Delete embeddings and indexes of models without a role; their catalog rows go last.

    Args:
        library: Whose.
        catalog: Open for writing.
    """
    used = {model.model_id for model in models_by_role(catalog).values()}
    folders = {path.name for path in (library.path / "embeddings").iterdir()}
    for model_id in sorted((folders | set(catalog.models())) - used):
        shutil.rmtree(library.index_folder(model_id), ignore_errors=True)
        shutil.rmtree(library.path / "embeddings" / model_id, ignore_errors=True)
        catalog.drop_segments(model_id)


def _drop_damaged(library: Library, store: EmbeddingStore) -> None:
    """Begin again when what an earlier run left does not match its checksums."""
    if store.corrupt_segments():
        shutil.rmtree(library.index_folder(store.model_id), ignore_errors=True)
        store.clear()


@contextmanager
def _switching(path: Path) -> Iterator[tuple[Library, Catalog]]:
    """The library for reading and its catalog for writing, under the switch lock."""
    with Library.open(path) as library:
        lock = WriterLock(library.path / _LOCK, "switching the model of")
        try:
            with closing(_writable(library)) as catalog:
                yield library, catalog
        finally:
            lock.release()


def _writable(library: Library) -> Catalog:
    return Catalog(library.path / "catalog.sqlite", writer=True)


@contextmanager
def _writer(path: Path) -> Iterator[bool]:
    """Hold the writer lock; yields False when somebody else does."""
    try:
        writing = Library.open(path, writer=True)
    except LibraryLocked:
        yield False
        return
    with writing:
        yield True


def _is_previous(path: Path, model: LibraryModel) -> bool:
    with Library.open(path) as library:
        return models_by_role(library.catalog).get("previous") == model


def _open_index(library: Library, store: EmbeddingStore) -> EmbeddedIndex:
    """The next model's index as an earlier run left it; a damaged one is begun again."""
    folder = library.index_folder(store.model_id)
    try:
        return EmbeddedIndex.open(folder, store, store.model_id, writer=True)
    except VectorIndexError:
        shutil.rmtree(folder)
        return EmbeddedIndex.open(folder, store, store.model_id, writer=True)


def _summary(
    state: State, path: Path, model: LibraryModel, started: float, refusals: Sequence[Refusal] = ()
) -> SwitchSummary:
    with Library.open(path) as library:
        done = state == "done"
        without = (
            images_without_embedding(library, library.embeddings(model.model_id, model.dim)) if done else []
        )
        images = library.catalog.count()
    return SwitchSummary(state, model, images, list(refusals), without, time.monotonic() - started)


def _byte_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
