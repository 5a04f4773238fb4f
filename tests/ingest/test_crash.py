"""What was acknowledged survives: a crash after every durable step, and kill -9 in mid-ingest."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import KeywordEncoder
from library_builder import ingest, picture, write_pictures
from tusou.catalog.blobs import BlobStore
from tusou.catalog.catalog import Catalog
from tusou.catalog.embeddings import EmbeddingStore
from tusou.catalog.library import Library
from tusou.catalog.thumbnails import ThumbnailStore
from tusou.index.embedded import EmbeddedIndex
from tusou.ingest.check import check_library
from tusou.ingest.indexing import open_index
from tusou.ingest.pipeline import Progress

STEPS: list[tuple[type, str]] = [
    (BlobStore, "mark_in_doubt"),
    (BlobStore, "publish"),
    (ThumbnailStore, "put"),
    (EmbeddingStore, "append"),
    (Catalog, "apply"),
    (Library, "drop_unreferenced"),
    (EmbeddedIndex, "upsert"),
    (EmbeddedIndex, "commit"),
]
"""Every step of a commit that leaves something on the disk, in order."""


class Crash(BaseException):
    """The process dies here (no handler of the product catches it)."""


def crash_after(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, calls: int) -> None:
    """Let a method do its work and die at its n-th call."""
    real: Callable[..., Any] = getattr(owner, name)
    count = 0

    def dying(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        result = real(*arguments, **options)
        count += 1
        if count == calls:
            raise Crash
        return result

    monkeypatch.setattr(owner, name, dying)


def check(path: Path) -> list[str]:
    with Library.open(path, writer=True) as library:
        return [f"{problem.what}: {problem.where}" for problem in check_library(library)]


@pytest.mark.parametrize("calls", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[f"{owner.__name__}.{name}" for owner, name in STEPS])
def test_a_crash_after_any_step(tmp_path: Path, owner: type, name: str, calls: int) -> None:
    source, lib = tmp_path / "src", tmp_path / "lib"
    write_pictures(source, 4)
    ingest(lib, source)
    (lib / "tusou.toml").write_text("batch_size = 3\n")
    write_pictures(source, 8, first=4)
    for i in range(4):
        (source / f"p{i:03d}.jpg").write_bytes(picture(100 + i))
    acknowledged: list[str] = []

    def note(step: Progress) -> None:
        acknowledged.extend(step.committed)

    with pytest.MonkeyPatch.context() as patch:
        crash_after(patch, owner, name, calls)
        with pytest.raises(Crash):
            ingest(lib, source, report=note)
    assert check(lib) == []
    with Library.open(lib) as library:
        assert len(library.catalog.get_many(acknowledged)) == len(acknowledged)
    summary = ingest(lib, source)
    assert summary.counts["refused"] == 0
    assert check(lib) == []
    with Library.open(lib) as library:
        digests = {record.item_id: record.sha256 for record in library.catalog.records()}
    expected = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in source.iterdir()}
    assert digests == expected


PROGRAM = """
import sys
from pathlib import Path
from fakes import KeywordEncoder
from library_builder import ACME
from tusou.catalog.library import MARKER, Library
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestOptions
from tusou.ingest.run import run_ingest
from tusou.ingest.sources import open_source, settle_supplier

def show(step):
    for image_id in step.committed:
        print(image_id, flush=True)

if __name__ == "__main__":
    lib, source = Path(sys.argv[1]), Path(sys.argv[2])
    with Library.open(lib, writer=True) if (lib / MARKER).exists() else Library.create(lib) as library:
        supplier = settle_supplier(library.catalog, "acme", ACME)
        opened = open_source(source, ReadOptions())
        summary = run_ingest(library, opened, supplier, KeywordEncoder, IngestOptions(chunk_size=2), show)
    print("done", summary.counts["refused"], flush=True)
"""

KILLS = 20
AHEAD = 250
SEED = 20240501


@pytest.mark.slow
def test_kill_minus_nine_in_mid_ingest(tmp_path: Path) -> None:
    """Twenty kills at seeded random moments of one growing ingest, then it is finished.

    Some kills come a moment after an acknowledgement, some at a random time after the start, so they also
    hit opening, recovery and index commits. The source grows ahead of the ingest: on a fast machine 600
    pictures were once done before the last kill, whose closing line was then taken for an image.
    """
    chance = random.Random(SEED)
    source, lib, program = tmp_path / "src", tmp_path / "lib", tmp_path / "program.py"
    program.write_text(PROGRAM)
    acknowledged: set[str] = set()
    written = hits = 0
    while hits < KILLS:
        ahead = len(acknowledged) + AHEAD
        write_pictures(source, max(ahead - written, 0), first=written)
        written = max(ahead, written)
        ids, finished = run_and_kill(program, lib, source, chance)
        acknowledged |= ids
        hits += not finished
        verify(lib, acknowledged)
    done = subprocess.run(command(program, lib, source), capture_output=True, text=True, check=True)
    *ids_at_last, last = done.stdout.split("\n")[:-1]
    assert last == "done 0", done.stderr
    acknowledged |= set(ids_at_last)
    assert len(acknowledged) == written
    verify(lib, acknowledged)
    with Library.open(lib) as library:
        assert library.catalog.count() == written
        assert library.catalog.row_limit() == written, "something was ingested twice"
        assert len(list(library.blobs.digests())) == written


def command(program: Path, lib: Path, source: Path) -> list[str]:
    tests = Path(__file__).parents[1]
    code = f"import sys, runpy; sys.path.insert(0, {str(tests)!r}); sys.argv = sys.argv[1:];"
    return [
        sys.executable,
        "-c",
        f"{code} runpy.run_path(sys.argv[0], run_name='__main__')",
        str(program),
        str(lib),
        str(source),
    ]


def run_and_kill(program: Path, lib: Path, source: Path, chance: random.Random) -> tuple[set[str], bool]:
    """Ids acknowledged on stdout before the process was killed, and whether it had finished by itself."""
    wanted = chance.choice([0, 1, 5, 20, 40])
    process = subprocess.Popen(command(program, lib, source), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    while len(lines) < wanted and (line := process.stdout.readline()):
        lines.append(line)
    time.sleep(chance.uniform(0.0, 0.05) if wanted else chance.uniform(0.0, 3.0))
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    lines += rest.splitlines(keepends=True)
    whole = [line.strip() for line in lines if line.endswith("\n")]  # the kill may cut the last line
    return {line for line in whole if not line.startswith("done")}, process.returncode == 0


def verify(lib: Path, acknowledged: set[str]) -> None:
    """Every acknowledged image is there, is searchable, and has its bytes; nothing is left lying about."""
    if not lib.exists():
        assert not acknowledged
        return
    assert check(lib) == []
    with Library.open(lib) as library:
        records = library.catalog.get_many(sorted(acknowledged))
        assert set(records) == acknowledged
        index = open_index(library, KeywordEncoder())
        assert len(index) == library.catalog.count()
        facets = dict(index.facets(None, ["supplier"])["supplier"])
        assert facets.get("acme", 0) == library.catalog.count()
        index.close()
        for record in records.values():
            number = int(Path(record.item_id).stem[1:])
            assert library.original_path(record).read_bytes() == picture(number)
