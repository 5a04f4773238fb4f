"""Speed of ingest, from files to an acknowledged and searchable library: `tusou bench ingest`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tusou.bench.machine import family_cpu_seconds, machine
from tusou.bench.photos import BYTES_PER_PIXEL, QUALITY, make_photos
from tusou.catalog.library import Library
from tusou.catalog.suppliers import add_supplier
from tusou.encoders.bundle_encoder import open_encoder
from tusou.imaging.process import WORKER_ENVIRONMENT
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestOptions, IngestSummary, Progress
from tusou.ingest.run import run_ingest
from tusou.ingest.sources import open_source
from tusou.types import Supplier

FLOOR_STAGES = ("entropy_decode", "tower")
_SAMPLE = 8


@dataclass(frozen=True, slots=True)
class PhotoSize:
    """A size of photos to ingest.

    Attributes:
        name: As reports say it.
        width: Pixels.
        height: Pixels.
        images: How many to ingest unless told otherwise.
    """

    name: str
    width: int
    height: int
    images: int


SIZES = (PhotoSize("12 MPix", 4000, 3000, 120), PhotoSize("1.7 MPix", 1600, 1067, 480))


def measure_ingest(
    sizes: Sequence[PhotoSize] = SIZES,
    *,
    images: int = 0,
    workers: int = 2,
    bundle: str = "base",
    folder: Path | None = None,
    progress: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """Ingest synthetic photos of several sizes into throw-away libraries.

    Args:
        sizes: What to ingest.
        images: Photos per size; each size's own number when 0.
        workers: Decode and encode processes.
        bundle: Model bundle.
        folder: Where to put photos and libraries for the time being; the system's temporary folder when None.
        progress: Told what happens.

    Returns:
        The report: machine, method and, per size, rate, floor, their ratio and milliseconds per stage.
    """
    model_id = open_encoder(bundle).model_id
    report: dict[str, Any] = {
        "scenario": "ingest",
        "machine": machine(),
        "bundle": model_id,
        "workers": workers,
        "photos": f"noise made to {BYTES_PER_PIXEL} bytes a pixel, baseline 4:2:0 JPEG of quality {QUALITY}",
        "durability": "originals copied and fsynced, catalog with synchronous=FULL, index committed",
        "sizes": [],
    }
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            source = Path(place) / "photos"
            progress(f"{size.name}: making {images or size.images} photos")
            photos = _write_photos(source, size, images or size.images)
            progress(f"{size.name}: stages, one core")
            stages = _stages(photos[:_SAMPLE], bundle)
            progress(f"{size.name}: ingest with {workers} workers")
            rate = _ingest(Path(place) / "library", source, workers, bundle)
            report["sizes"].append(_figures(size, photos, stages, rate, workers))
    return report


def _write_photos(folder: Path, size: PhotoSize, count: int) -> list[Path]:
    folder.mkdir()
    paths = []
    for number, data in enumerate(make_photos(size.width, size.height, count)):
        paths.append(folder / f"{number:05}.jpg")
        paths[-1].write_bytes(data)
    return paths


def _stages(paths: Sequence[Path], bundle: str) -> dict[str, float]:
    """Processor milliseconds per image and stage, on one core, in a process with the workers' environment.

    In this one, threads of BLAS spin on after their work and count as the next stage's, and large arrays are
    faulted in anew each time: that made a floor that ingest itself went below.
    """
    command = [sys.executable, "-m", "tusou.bench.ingest_stages", bundle, *map(str, paths)]
    environment = {**os.environ, **WORKER_ENVIRONMENT}
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    stages: dict[str, float] = json.loads(ran.stdout)
    return stages


@dataclass(frozen=True, slots=True)
class _Rate:
    """How an ingest went.

    Attributes:
        startup: Seconds until the first images were acknowledged (processes, models, first batch).
        steady: Images per second between the first and the last acknowledgement.
        cpu_ms: Processor milliseconds per image in that time, all processes together.
        summary: The job's own summary.
    """

    startup: float
    steady: float
    cpu_ms: float
    summary: IngestSummary


def _ingest(place: Path, source: Path, workers: int, bundle: str) -> _Rate:
    Library.create(place).close()
    (place / "tusou.toml").write_text(f'workers = {workers}\nbundle = "{bundle}"\n', encoding="utf-8")
    commits: list[_Commit] = []

    def note(step: Progress) -> None:
        if step.committed:
            commits.append(_Commit(time.monotonic(), family_cpu_seconds(), len(step.committed)))

    with Library.open(place, writer=True) as library:
        supplier = Supplier("bench", license="CC0-1.0")
        add_supplier(library.catalog, supplier)
        start = _Commit(time.monotonic(), family_cpu_seconds(), 0)
        opened = open_source(source, ReadOptions())
        summary = run_ingest(library, opened, supplier, partial(open_encoder, bundle), IngestOptions(), note)
    first, *later = commits if len(commits) > 1 else [start, *commits]
    count = sum(commit.images for commit in later)
    steady = count / (later[-1].wall - first.wall)
    cpu_ms = 1000 * (later[-1].cpu - first.cpu) / count
    return _Rate(commits[0].wall - start.wall, steady, cpu_ms, summary)


class _Commit(NamedTuple):
    """An acknowledgement: when it came, at how much processor time, in seconds, and of how many images."""

    wall: float
    cpu: float
    images: int


def _figures(
    size: PhotoSize, photos: Sequence[Path], stages: dict[str, float], rate: _Rate, workers: int
) -> dict[str, Any]:
    floor = workers * 1000 / sum(stages[stage] for stage in FLOOR_STAGES)
    work = {stage: ms for stage, ms in stages.items() if stage != "entropy_decode"}
    total = sum(work.values())
    return {
        "size": size.name,
        "pixels": [size.width, size.height],
        "images": len(photos),
        "mean_bytes": sum(path.stat().st_size for path in photos) // len(photos),
        "images_per_s": round(rate.steady, 1),
        "cpu_ms_per_image": round(rate.cpu_ms, 2),
        "cpu_images_per_s": round(workers * 1000 / rate.cpu_ms, 1),  # with a core of its own per worker
        "stages_images_per_s": round(workers * 1000 / total, 1),  # if nothing but the stages took time
        "floor_images_per_s": round(floor, 1),
        "share_of_floor": round(rate.steady / floor, 3),
        "startup_s": round(rate.startup, 2),
        "whole_job_s": round(rate.summary.seconds, 2),
        "counts": dict(rate.summary.counts),
        "entropy_decode_ms": round(stages["entropy_decode"], 2),
        "stages_ms": {stage: round(ms, 2) for stage, ms in work.items()},
        "stages_share": {stage: round(ms / total, 3) for stage, ms in work.items()},
    }
