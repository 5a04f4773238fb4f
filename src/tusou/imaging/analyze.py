"""Everything imaging learns from the bytes of one image, in one call."""

from __future__ import annotations

import hashlib

from tusou.imaging.decode import DecodedImage, decode
from tusou.imaging.fingerprint import fingerprint
from tusou.imaging.limits import Limits
from tusou.imaging.palette import dominant_colors
from tusou.imaging.quality import measure_quality
from tusou.imaging.sniff import name_warnings
from tusou.imaging.thumbhash import thumb_hash
from tusou.imaging.thumbnail import make_thumbnail
from tusou.types import ImageAnalysis, Pixels


def analyze_image(
    data: bytes, limits: Limits, *, name: str = "", sha256: str = ""
) -> tuple[ImageAnalysis, Pixels]:
    """Decode and measure one image.

    Args:
        data: The whole file as delivered.
        limits: What it may cost.
        name: File name, to warn when its ending contradicts the bytes.
        sha256: Hex digest of the data, where the caller has it already.

    Returns:
        The analysis, and the working picture (longest side at most 512) for the image tower.

    Raises:
        DecodeError: The image is refused; ``reason`` says why (see ``decode``).
    """
    image = decode(data, limits)
    sha256 = sha256 or hashlib.sha256(data).hexdigest()
    return describe(image, sha256, name_warnings(name, image.format)), image.pixels


def describe(image: DecodedImage, sha256: str, warnings: tuple[str, ...] = ()) -> ImageAnalysis:
    """Measure an image that is decoded already; further warnings come first."""
    bits, fingerprint_quality = fingerprint(image.pixels)
    return ImageAnalysis(
        sha256=sha256,
        format=image.format,
        width=image.width,
        height=image.height,
        frames=image.frames,
        thumbnail=make_thumbnail(image.pixels),
        thumb_hash=thumb_hash(image.pixels),
        fingerprint=bits,
        fingerprint_quality=fingerprint_quality,
        quality=measure_quality(image),
        palette=dominant_colors(image.pixels, image.visible),
        warnings=warnings + image.warnings,
    )
