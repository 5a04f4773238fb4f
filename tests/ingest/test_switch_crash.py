"""A switch that dies at any moment leaves the old model answering, and the same command finishes it."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_crash import Crash, crash_after

from search_builders import ask, items
from switch_builder import Bundles, build_bundles, embed_in_this_process, ingest_with, problems, write_colors
from tusou.catalog.catalog import Catalog
from tusou.catalog.embeddings import EmbeddingStore
from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.index.embedded import EmbeddedIndex
from tusou.ingest import switch as switching
from tusou.ingest.switch import switch_model
from tusou.search.engine import SearchEngine

STEPS: list[tuple[object, str, int]] = [
    (switching, "announce_model", 1),
    (EmbeddingStore, "append", 1),
    (EmbeddingStore, "append", 2),
    (EmbeddingStore, "add", 1),
    (EmbeddedIndex, "upsert", 1),
    (EmbeddedIndex, "commit", 1),
    (EmbeddedIndex, "close", 1),
    (switching, "promote_model", 1),
    (shutil, "rmtree", 1),
    (shutil, "rmtree", 2),
    (Catalog, "drop_segments", 1),
]
"""Every step of a switch that leaves something on the disk, in order; the last drop the model before last."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    return build_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory, bundles: Bundles) -> Path:
    """A library that was switched from a third bundle to the tiny one, so the next switch drops the third."""
    folder = tmp_path_factory.mktemp("switched")
    third = build_bundles(folder).wide
    manifest = (third / "manifest.json").read_text()
    (third / "manifest.json").write_text(manifest.replace('"version": "1"', '"version": "0"'))
    older = Bundles(bundles.tiny, third)
    write_colors(folder / "src", 4)
    with pytest.MonkeyPatch.context() as patch:
        embed_in_this_process(patch)
        ingest_with(folder / "lib", folder / "src", older.opener("wide"))
        switch_model(folder / "lib", bundles.model("tiny"), bundles.opener("tiny"))
    return folder / "lib"


def answers(path: Path, bundles: Bundles) -> tuple[str, list[str]]:
    """The model in use, and what it finds by picture."""
    with Library.open(path) as library:
        model = current_model(library.catalog)
        name = "tiny" if model == bundles.model("tiny") else "wide"
        engine = SearchEngine.open(library, bundles.opener(name)())
        try:
            return name, sorted(items(ask(engine, "red", limit=2)))
        finally:
            engine.close()


@pytest.mark.parametrize(
    ("owner", "name", "calls"), STEPS, ids=[f"{name}-{calls}" for _, name, calls in STEPS]
)
def test_a_crash_after_any_step(
    tmp_path: Path,
    switched: Path,
    bundles: Bundles,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    calls: int,
) -> None:
    lib = tmp_path / "lib"
    shutil.copytree(switched, lib)
    embed_in_this_process(monkeypatch)
    monkeypatch.setattr("tusou.ingest.embedding._BATCH", 2)
    with pytest.MonkeyPatch.context() as patch:
        crash_after(patch, owner, name, calls)
        with pytest.raises(Crash):
            switch_model(lib, bundles.model("wide"), bundles.opener("wide"))
    swapped = name in ("promote_model", "rmtree", "drop_segments")
    assert answers(lib, bundles) == ("wide" if swapped else "tiny", ["p000.png", "p003.png"])
    assert problems(lib) == []
    state = switch_model(lib, bundles.model("wide"), bundles.opener("wide")).state
    assert state == ("unchanged" if swapped else "done")
    assert answers(lib, bundles) == ("wide", ["p000.png", "p003.png"])
    assert problems(lib) == []
    kept = {bundles.model("tiny").model_id, bundles.model("wide").model_id}
    assert {path.name for path in (lib / "embeddings").iterdir()} == kept
    assert {path.name for path in (lib / "index").iterdir()} == kept


KILLS = 8
SEED = 20240502
PICTURES = 400


@pytest.mark.slow
def test_kill_minus_nine_in_mid_switch(tmp_path: Path, bundles: Bundles) -> None:
    """Kills at seeded random moments of one switch by the real command; rows done stay done.

    How long the command takes is the machine's business, so a whole switch of a copy is timed first.
    """
    chance = random.Random(SEED)
    lib = tmp_path / "lib"
    write_colors(tmp_path / "src", PICTURES)
    ingest_with(lib, tmp_path / "src", bundles.opener("tiny"))
    models = ["--models", str(tmp_path / "models")]
    subprocess.run([sys.executable, "-m", "tusou", "models", "add", str(bundles.wide), *models], check=True)
    use = [sys.executable, "-m", "tusou", "models", "use", "wide", *models, "--library"]
    shutil.copytree(lib, tmp_path / "copy")
    started = time.monotonic()
    subprocess.run([*use, str(tmp_path / "copy")], check=True, capture_output=True)
    whole = time.monotonic() - started
    command = [*use, str(lib)]
    wide = bundles.model("wide").model_id
    rows = hits = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(whole * chance.uniform(0.2, 0.9))
            hits += process.poll() is None
            process.send_signal(signal.SIGKILL)
        with Library.open(lib) as library:
            done = library.catalog.embedded_rows(wide)
        assert done >= rows
        rows = done
        assert len(answers(lib, bundles)[1]) == 2
        assert problems(lib) == []
    assert hits > 0
    subprocess.run(command, check=True, capture_output=True)
    assert answers(lib, bundles)[0] == "wide"
    assert problems(lib) == []
