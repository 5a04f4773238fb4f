"""What each stage of ingest costs on one core: ``python -m tusou.bench.ingest_stages BUNDLE FILE ...``.

A program of its own, so that ingest_rate can run it with the environment of a decode worker.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import simplejpeg

from tusou.bench.machine import Timings
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.imaging.decode import decode
from tusou.imaging.embedded import read_embedded
from tusou.imaging.fingerprint import fingerprint
from tusou.imaging.limits import Limits
from tusou.imaging.palette import dominant_colors
from tusou.imaging.quality import measure_quality
from tusou.imaging.thumbhash import thumb_hash
from tusou.imaging.thumbnail import make_thumbnail
from tusou.types import Pixels

_REPEATS = 3


def main(arguments: Sequence[str]) -> None:
    """Print the stages as JSON."""
    cv2.setNumThreads(1)  # as in a worker
    bundle, *files = arguments
    stages = measure_stages([Path(file) for file in files], open_encoder(bundle))
    sys.stdout.write(json.dumps(stages))


def measure_stages(paths: Sequence[Path], encoder: BundleEncoder) -> dict[str, float]:
    """Processor milliseconds per image and stage, medians, on one core.

    Args:
        paths: JPEG files.
        encoder: Its image tower is one of the stages.
    """
    limits, timings = Limits(), Timings()
    for _ in range(_REPEATS):
        pictures = [_one_image(path, limits, timings) for path in paths]
        encoder.encode_images(pictures)  # the first run loads the tower
        with timings.measure("tower"):
            encoder.encode_images(pictures)
    figures = {stage: values["cpu_p50"] for stage, values in timings.summary().items()}
    return figures | {"tower": figures["tower"] / len(paths)}


def _one_image(path: Path, limits: Limits, timings: Timings) -> Pixels:
    with timings.measure("read"):
        data = path.read_bytes()
    with timings.measure("entropy_decode"):  # an eighth of the size, luma only: Huffman codes and little else
        simplejpeg.decode_jpeg(data, "GRAY", min_width=1, min_height=1)
    with timings.measure("sha256"):
        hashlib.sha256(data).hexdigest()
    with timings.measure("metadata"):
        read_embedded(data)
    with timings.measure("decode"):
        image = decode(data, limits)
    with timings.measure("thumbnail"):
        make_thumbnail(image.pixels)
    with timings.measure("quality"):
        measure_quality(image)
    with timings.measure("fingerprint"):
        fingerprint(image.pixels)
    with timings.measure("palette"):
        dominant_colors(image.pixels, image.visible)
    with timings.measure("thumb_hash"):
        thumb_hash(image.pixels)
    return image.pixels


if __name__ == "__main__":
    main(sys.argv[1:])
