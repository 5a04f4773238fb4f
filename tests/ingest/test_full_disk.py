"""A disk that is really full: a small tmpfs in a mount namespace of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from library_builder import picture

SCRIPT = """
import json, subprocess, sys
from pathlib import Path
from library_builder import ACME
from fakes import KeywordEncoder
from tusou.catalog.library import MARKER, Library
from tusou.errors import CatalogError
from tusou.ingest.check import check_library
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestOptions
from tusou.ingest.run import run_ingest
from tusou.ingest.sources import open_source, settle_supplier

def attempt(lib, source):
    acknowledged, reason = [], ""
    try:
        with Library.open(lib, writer=True) if (lib / MARKER).exists() else Library.create(lib) as library:
            supplier = settle_supplier(library.catalog, "acme", ACME)
            run_ingest(library, open_source(source, ReadOptions()), supplier, KeywordEncoder, IngestOptions(),
                       lambda step: acknowledged.extend(step.committed))
    except CatalogError as error:
        reason = error.reason
    return acknowledged, reason

def state(lib, writer):
    with Library.open(lib, writer=writer) as library:
        held = [record.image_id for record in library.catalog.records()]
        return held, [str(problem) for problem in check_library(library)]

if __name__ == "__main__":
    disk, source = Path(sys.argv[1]), Path(sys.argv[2])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=True)
    first, reason = attempt(disk / "lib", source)
    held, _ = state(disk / "lib", False)
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    second, again = attempt(disk / "lib", source)
    all_held, problems = state(disk / "lib", True)
    print(json.dumps({"reason": reason, "lost": sorted(set(first) - set(held)), "first": len(first),
                      "again": again, "count": len(all_held), "problems": problems}))
"""


@pytest.mark.slow
def test_a_full_disk_loses_nothing_and_the_same_command_finishes(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs the right to make a mount namespace")
    source, disk, script = tmp_path / "src", tmp_path / "disk", tmp_path / "script.py"
    source.mkdir()
    disk.mkdir()
    for i in range(120):
        (source / f"{i:03d}.jpg").write_bytes(picture(i, (320, 240)))
    script.write_text(SCRIPT)
    tests = str(Path(__file__).parents[1])
    code = f"import runpy, sys; sys.path.insert(0, {tests!r}); sys.argv = sys.argv[1:];"
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = ["unshare", "-m", sys.executable, "-c", code, str(script), str(disk), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["first"] > 0, "the disk was full before anything was acknowledged"
    assert outcome == outcome | {
        "reason": "storage_full",
        "lost": [],
        "again": "",
        "count": 120,
        "problems": [],
    }
