"""Pictures for tests: drawn in memory, well-formed or hostile."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from tusou.types import Pixels


@lru_cache(maxsize=16)
def photo(width: int = 320, height: int = 240, seed: int = 0) -> Pixels:
    """Something like a photo: noise of all scales (1/f), muted colours and a few hard edges."""
    random = np.random.default_rng(seed)
    planes = np.zeros((height, width, 3), np.float32)
    cells = 3
    while cells <= max(width, height):
        shape = (max(2, height * cells // max(width, height)), max(2, width * cells // max(width, height)), 3)
        layer = random.standard_normal(shape).astype(np.float32)
        planes += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) / cells**0.8
        cells *= 2
    planes = planes / max(float(planes.std()), 1e-6) * 45
    luma = planes[..., :1] + 120
    pixels = luma + planes * np.array([0.4, 0.2, 0.5], np.float32)
    for _ in range(6):
        x, y = random.integers(0, width), random.integers(0, height)
        color = [int(value) for value in random.integers(20, 235, 3)]
        cv2.circle(pixels, (int(x), int(y)), int(random.integers(4, max(5, height // 5))), color, -1)
    return np.asarray(np.clip(pixels, 0, 255), dtype=np.uint8)


def encoded(pixels: Pixels | Image.Image, image_format: str = "JPEG", **options: object) -> bytes:
    """A picture in some format, by Pillow; quickly rather than small."""
    options = {"PNG": {"compress_level": 1}, "AVIF": {"speed": 10}}.get(image_format, {}) | options
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG with one more segment right behind its start."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + jpeg[2:]


def without_segment(jpeg: bytes, marker: int) -> bytes:
    """A JPEG without its first segment of a kind."""
    at = jpeg.index(bytes([0xFF, marker]))
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_flood(width: int, height: int) -> bytes:
    """A tiny PNG that announces, and even holds, a huge one-bit picture."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    )


def jpeg_with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A baseline JPEG whose frame header lies about its size."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def scan_bomb(scans: int, side: int = 64) -> bytes:
    """A valid progressive JPEG whose last scan is repeated."""
    jpeg = encoded(photo(side, side), progressive=True, quality=50)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * scans + jpeg[-2:]


def iptc_resources(datasets: list[tuple[int, bytes]]) -> bytes:
    """An APP13 body holding IPTC application records."""
    records = b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text for number, text in datasets)
    padding = b"\0" * (len(records) % 2)
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + padding
    return b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\x02ab" + resource
