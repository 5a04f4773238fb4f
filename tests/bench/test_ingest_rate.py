"""The ingest scenario, small: its photos, its figures, its sums."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bundle_builder import build_bundle
from tusou.bench.ingest_rate import PhotoSize, measure_ingest
from tusou.bench.machine import family_cpu_seconds
from tusou.bench.photos import BYTES_PER_PIXEL, make_photos
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits


def test_photos_weigh_what_photos_weigh_and_differ() -> None:
    photos = list(make_photos(480, 320, 6))
    assert len(set(photos)) == 6
    assert photos == list(make_photos(480, 320, 6))
    for data in photos:
        assert len(data) / (480 * 320) == pytest.approx(BYTES_PER_PIXEL, rel=0.15)
        image = decode(data, Limits())
        assert (image.width, image.height, image.format) == (480, 320, "jpeg")


def test_processor_time_counts_children_and_their_children() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); input()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"
    before = family_cpu_seconds()
    command = [sys.executable, "-c", outer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # the grandchild has spun and still lives
        assert family_cpu_seconds() - before >= 0.28
        child.communicate(b"\n")


def test_a_small_run_gives_a_whole_report(tmp_path: Path) -> None:
    lines: list[str] = []
    report = measure_ingest(
        [PhotoSize("tiny", 480, 320, 40)],
        workers=1,
        bundle=str(build_bundle(tmp_path / "bundle")),
        folder=tmp_path,
        progress=lines.append,
    )
    (figures,) = report["sizes"]
    assert figures["counts"]["added"] == figures["images"] == 40
    assert figures["images_per_s"] > 0
    assert figures["cpu_images_per_s"] == pytest.approx(1000 / figures["cpu_ms_per_image"], rel=0.05)
    assert figures["share_of_floor"] == pytest.approx(
        figures["images_per_s"] / figures["floor_images_per_s"],
        abs=0.001,  # rounded to 3 digits
    )
    assert sum(figures["stages_share"].values()) == pytest.approx(1.0, abs=0.01)
    assert set(figures["stages_share"]) >= {"decode", "tower", "fingerprint", "quality"}
    assert report["machine"]["cores"] >= 1
    assert len(lines) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]  # nothing is left behind
