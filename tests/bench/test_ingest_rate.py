"""The ingest scenario, small: its photos, its figures, its sums."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundle_builder import build_bundle
from tusou.bench.ingest_rate import PhotoSize, measure_ingest
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
    assert figures["share_of_floor"] == pytest.approx(
        figures["images_per_s"] / figures["floor_images_per_s"],
        abs=0.001,  # rounded to 3 digits
    )
    assert sum(figures["stages_share"].values()) == pytest.approx(1.0, abs=0.01)
    assert set(figures["stages_share"]) >= {"decode", "tower", "fingerprint", "quality"}
    assert report["machine"]["cores"] >= 1
    assert len(lines) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]  # nothing is left behind
