"""A library is switched to another model while it is searched and filled, and can go back."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from search_builders import ask, items
from switch_builder import (
    Bundles,
    build_bundles,
    embed_in_this_process,
    ingest_with,
    problems,
    write_colors,
)
from tusou.catalog.library import Library
from tusou.catalog.lock import WriterLock
from tusou.catalog.model_roles import current_model, models_by_role, roll_back_library
from tusou.errors import CatalogError, EncoderError, IndexStale, LibraryLocked, SourceError, StorageFull
from tusou.ingest.indexing import open_index, rebuild_index
from tusou.ingest.rebuild import rebuild_embeddings
from tusou.ingest.removal import remove_images
from tusou.ingest.switch import catch_up_model, switch_model
from tusou.search.engine import SearchEngine


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    return build_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_colors(tmp_path / "src", 6)
    return tmp_path / "src"


@pytest.fixture
def lib(tmp_path: Path, source: Path, bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six pictures, embedded with the tiny bundle."""
    embed_in_this_process(monkeypatch)
    monkeypatch.setattr("tusou.ingest.embedding._BATCH", 2)
    monkeypatch.setattr("tusou.ingest.switch._WAIT_SECONDS", 0.01)
    ingest_with(tmp_path / "lib", source, bundles.opener("tiny"))
    return tmp_path / "lib"


def roles(path: Path) -> dict[str, str]:
    with Library.open(path) as library:
        return {role: model.model_id.split("-")[0] for role, model in models_by_role(library.catalog).items()}


def found(path: Path, bundles: Bundles, name: str, words: str = "red") -> list[str]:
    """Items found by the picture alone, with a bundle."""
    with Library.open(path) as library:
        engine = SearchEngine.open(library, bundles.opener(name)())
        try:
            return sorted(items(ask(engine, words, limit=2)))
        finally:
            engine.close()


def switch_to(path: Path, bundles: Bundles, name: str, **options: object) -> str:
    return switch_model(path, bundles.model(name), bundles.opener(name), **options).state  # type: ignore[arg-type]


def test_a_switch_embeds_everything_anew_and_swaps(lib: Path, bundles: Bundles) -> None:
    stages: list[str] = []
    summary = switch_model(
        lib, bundles.model("wide"), bundles.opener("wide"), lambda stage, _part: stages.append(stage)
    )
    assert (summary.state, summary.images, summary.refusals, summary.without) == ("done", 6, [], [])
    assert roles(lib) == {"current": "wide", "previous": "tiny"}
    assert found(lib, bundles, "wide") == ["p000.png", "p003.png"]
    with pytest.raises(IndexStale, match="embedded with wide-1"):
        found(lib, bundles, "tiny")
    assert list(dict.fromkeys(stages)) == ["embed", "index"]
    with Library.open(lib) as library:
        kept = library.embeddings(summary.model.model_id, 5).slice(0, 6)
        np.testing.assert_allclose(np.linalg.norm(kept.astype(np.float32), axis=1), 1, atol=1e-3)
    assert problems(lib) == []


def test_the_model_in_use_changes_nothing_and_drops_what_is_half_done(lib: Path, bundles: Bundles) -> None:
    assert switch_to(lib, bundles, "wide", should_stop=lambda: True) == "interrupted"
    assert roles(lib) == {"current": "tiny", "next": "wide"}
    assert switch_to(lib, bundles, "tiny") == "unchanged"
    assert roles(lib) == {"current": "tiny"}
    assert [path.name.split("-")[0] for path in (lib / "embeddings").iterdir()] == ["tiny"]
    assert found(lib, bundles, "tiny") == ["p000.png", "p003.png"]


def test_an_interrupted_switch_goes_on_where_it_was(lib: Path, bundles: Bundles) -> None:
    asked = iter([False, True])
    assert switch_to(lib, bundles, "wide", should_stop=lambda: next(asked, True)) == "interrupted"
    wide = bundles.model("wide").model_id
    with Library.open(lib) as library:
        assert library.catalog.embedded_rows(wide) == 2
        before = library.catalog.segments(wide)
    assert found(lib, bundles, "tiny") == ["p000.png", "p003.png"]
    assert switch_to(lib, bundles, "wide") == "done"
    with Library.open(lib) as library:
        assert library.catalog.segments(wide)[:1] == before
    assert problems(lib) == []


def test_what_an_earlier_run_left_damaged_is_done_again(lib: Path, bundles: Bundles) -> None:
    asked = iter([False, False, True])
    assert switch_to(lib, bundles, "wide", should_stop=lambda: next(asked, True)) == "interrupted"
    rows = lib / "embeddings" / bundles.model("wide").model_id / "rows.f16"
    rows.write_bytes(b"\x00" + rows.read_bytes()[1:])
    assert switch_to(lib, bundles, "wide") == "done"
    assert problems(lib) == []


def test_searches_see_only_complete_answers_of_one_model(lib: Path, bundles: Bundles) -> None:
    """Engines opened again and again during the switch: each answers with all images and one model's rows."""
    wrong: list[str] = []
    models: set[str] = set()
    over = threading.Event()

    def search() -> None:
        while not over.is_set():
            with Library.open(lib) as library:
                model = current_model(library.catalog)
                name = "tiny" if model == bundles.model("tiny") else "wide"
                try:
                    engine = SearchEngine.open(library, bundles.opener(name)())
                except IndexStale:
                    continue  # swapped in between; without a given encoder, open() tries again itself
                page = ask(engine, "red", limit=100)
                models.add(name)
                if page.total != 6 or {hit.image.item_id for hit in page.hits[:2]} != {
                    "p000.png",
                    "p003.png",
                }:
                    wrong.append(f"{name}: {items(page)}")
                engine.close()

    thread = threading.Thread(target=search)
    thread.start()
    try:
        for name in ("wide", "tiny", "wide"):
            assert switch_to(lib, bundles, name) == "done"
    finally:
        over.set()
        thread.join()
    assert wrong == []
    assert models


def test_an_engine_stays_with_its_model(lib: Path, bundles: Bundles, source: Path) -> None:
    with Library.open(lib) as library:
        engine = SearchEngine.open(library, bundles.opener("tiny")())
        assert switch_to(lib, bundles, "wide") == "done"
        write_colors(source, 1, first=6)
        ingest_with(lib, source, bundles.opener("wide"))
        engine.refresh()
        assert items(ask(engine, "red", limit=2)) == ["p000.png", "p003.png"]
        newest = library.catalog.find("acme", "p006.png")
        assert newest is not None
        # A picture the old model has no row of is embedded from its original.
        assert set(items(ask(engine, image_id=newest.image_id, limit=2))) == {"p000.png", "p003.png"}
        engine.close()


def test_images_that_come_meanwhile_are_in_the_new_model_too(
    lib: Path, bundles: Bundles, source: Path
) -> None:
    """An ingest with the old model between two batches, and a removal."""
    came = False

    def meanwhile(_stage: str, _part: float) -> None:
        nonlocal came
        if not came:
            came = True
            write_colors(source, 3, first=6)
            ingest_with(lib, source, bundles.opener("tiny"))
            with Library.open(lib, writer=True) as library:
                gone = library.catalog.find("acme", "p003.png")
                assert gone is not None
                remove_images(library, [gone.image_id])

    assert switch_to(lib, bundles, "wide", show=meanwhile) == "done"
    assert found(lib, bundles, "wide") == ["p000.png", "p006.png"]
    assert problems(lib) == []


def test_the_swap_waits_for_a_running_ingest(lib: Path, bundles: Bundles) -> None:
    held = WriterLock(lib / "writer.lock")
    stages: list[str] = []

    def show(stage: str, _part: float) -> None:
        stages.append(stage)
        if stage == "wait":
            assert roles(lib) == {"current": "tiny", "next": "wide"}
            held.release()

    assert switch_to(lib, bundles, "wide", show=show) == "done"
    assert "wait" in stages


def test_a_second_switch_is_told_of_the_first(lib: Path, bundles: Bundles) -> None:
    held = WriterLock(lib / "switch.lock", "switching the model of")
    with pytest.raises(LibraryLocked, match="is switching the model of the library"):
        switch_to(lib, bundles, "wide")
    held.release()


def test_a_rollback_is_one_step_and_can_be_taken_back(lib: Path, bundles: Bundles) -> None:
    switch_to(lib, bundles, "wide")
    assert roll_back_library(lib) == bundles.model("tiny")
    assert roles(lib) == {"current": "tiny", "previous": "wide"}
    assert found(lib, bundles, "tiny") == ["p000.png", "p003.png"]
    assert problems(lib) == []
    assert roll_back_library(lib) == bundles.model("wide")
    assert found(lib, bundles, "wide") == ["p000.png", "p003.png"]


def test_after_a_rollback_new_images_are_caught_up(lib: Path, bundles: Bundles, source: Path) -> None:
    switch_to(lib, bundles, "wide")
    write_colors(source, 3, first=6)
    ingest_with(lib, source, bundles.opener("wide"))
    with Library.open(lib, writer=True) as library:
        gone = library.catalog.find("acme", "p000.png")
        assert gone is not None
        remove_images(library, [gone.image_id])
    roll_back_library(lib)
    assert "p000.png" not in found(lib, bundles, "tiny")  # what is deleted does not return
    with (
        Library.open(lib, writer=True) as library,
        pytest.raises(IndexStale, match="3 rows have no embedding"),
    ):
        rebuild_index(library, bundles.model("tiny"))
    assert catch_up_model(lib, bundles.opener("tiny")) == []
    assert found(lib, bundles, "tiny") == ["p003.png", "p006.png"]
    assert problems(lib) == []


def test_switching_to_the_model_before_is_a_rollback(lib: Path, bundles: Bundles) -> None:
    switch_to(lib, bundles, "wide")
    segments = (lib / "embeddings" / bundles.model("tiny").model_id / "rows.f16").stat()
    assert switch_to(lib, bundles, "tiny") == "done"
    assert (lib / "embeddings" / bundles.model("tiny").model_id / "rows.f16").stat() == segments


def test_only_one_model_before_is_kept(lib: Path, bundles: Bundles, tmp_path: Path) -> None:
    third = Bundles(bundles.tiny, build_bundles(tmp_path).wide)
    (third.wide / "manifest.json").write_text(
        (third.wide / "manifest.json").read_text().replace('"version": "1"', '"version": "2"')
    )
    switch_to(lib, bundles, "wide")
    switch_to(lib, third, "wide")
    kept = {bundles.model("wide").model_id, third.model("wide").model_id}
    assert {path.name for path in (lib / "embeddings").iterdir()} == kept
    assert {path.name for path in (lib / "index").iterdir()} == kept
    with Library.open(lib) as library:
        assert set(library.catalog.models()) == kept


def test_unreadable_originals_are_listed_and_found_by_words_only(lib: Path, bundles: Bundles) -> None:
    with Library.open(lib) as library:
        record = library.catalog.find("acme", "p003.png")
        assert record is not None
        library.original_path(record).unlink()
    summary = switch_model(lib, bundles.model("wide"), bundles.opener("wide"))
    assert [(refusal.item_id, refusal.reason) for refusal in summary.refusals] == [("p003.png", "vanished")]
    assert [record.item_id for record in summary.without] == ["p003.png"]
    assert "p003.png" not in found(lib, bundles, "wide")
    with Library.open(lib) as library:
        engine = SearchEngine.open(library, bundles.opener("wide")())
        assert items(ask(engine, "p003"))[0] == "p003.png"
        engine.close()


def test_a_missing_disk_swaps_nothing_and_the_switch_goes_on_when_it_is_back(
    lib: Path, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusou.ingest.embedding._BATCH", 6)
    (lib / "blobs").rename(tmp_path / "away")
    (lib / "blobs" / "incoming").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"6 of 6 originals cannot be read.*disk missing") as caught:
        switch_to(lib, bundles, "wide")
    assert caught.value.reason == "originals_missing"
    assert roles(lib) == {"current": "tiny", "next": "wide"}
    shutil.rmtree(lib / "blobs")
    (tmp_path / "away").rename(lib / "blobs")
    assert switch_to(lib, bundles, "wide") == "done"
    assert problems(lib) == []


def test_a_model_that_fails_swaps_nothing(
    lib: Path, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise EncoderError("the tower failed")

    with monkeypatch.context() as patch:
        patch.setattr("tusou.encoders.bundle_encoder.BundleEncoder.encode_images", fail)
        with pytest.raises(EncoderError):
            switch_to(lib, bundles, "wide")
    assert roles(lib) == {"current": "tiny", "next": "wide"}
    assert found(lib, bundles, "tiny") == ["p000.png", "p003.png"]


def test_a_disk_without_room_is_told_before_anything_happens(
    lib: Path, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(lib)._replace(free=10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(StorageFull, match=r"needs 6\d MB, free are 10 MB"):
        switch_to(lib, bundles, "wide")
    assert roles(lib) == {"current": "tiny"}


def test_an_empty_library_takes_the_model_for_what_comes(
    tmp_path: Path, bundles: Bundles, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed_in_this_process(monkeypatch)
    path = tmp_path / "empty"
    Library.create(path).close()
    with pytest.raises(CatalogError, match="never switched"):
        roll_back_library(path)
    assert switch_to(path, bundles, "wide") == "done"
    ingest_with(path, source, bundles.opener("wide"))
    assert found(path, bundles, "wide") == ["p000.png", "p003.png"]
    assert problems(path) == []


def test_embeddings_are_rebuilt_with_the_librarys_model_only(lib: Path, bundles: Bundles) -> None:
    with Library.open(lib, writer=True) as library:
        with pytest.raises(IndexStale, match="models use"):
            rebuild_embeddings(library, bundles.opener("wide"))
        assert rebuild_embeddings(library, bundles.opener("tiny")) == []
        index = open_index(library, bundles.model("tiny"))
        assert index.embedded == 6
        index.close()
    assert problems(lib) == []
