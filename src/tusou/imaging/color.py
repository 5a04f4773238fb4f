"""Bring decoded samples of any colour model and depth to 8-bit sRGB on white."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from tusou.types import Pixels

MAX_PROFILE_BYTES = 4 * 1024 * 1024
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}


def flatten_mode(image: Image.Image) -> Image.Image:
    """Turn palettes, bits, high depths and odd layouts into L, RGB, CMYK, LAB or premultiplied RGBa."""
    if "transparency" in image.info or image.mode in ("PA", "LA", "La", "RGBA", "RGBX"):
        if image.mode == "RGBX":
            return image.convert("RGB")
        return (image if image.mode == "RGBA" else image.convert("RGBA")).convert("RGBa")
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_bytes(np.asarray(image)))
    if image.mode in ("L", "RGB", "CMYK", "LAB", "RGBa"):
        return image
    return image.convert("RGB")


def _to_bytes(samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Map 16-bit, 32-bit or float grey to 0..255.

    Samples of 16 bits use their whole range. Others within 0..1 (float), 0..255 or 0..65535 are taken to use
    that whole range; anything else is stretched between its finite extremes.
    """
    if samples.dtype == np.uint16:
        return (samples >> 8).astype(np.uint8)
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0.0:
        tops = (1.0, 255.0, 65535.0) if samples.dtype.kind == "f" else (255.0, 65535.0)
        low, high = 0.0, next((top for top in tops if high <= top), high)
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return np.asarray(np.clip(scaled + 0.5, 0, 255), dtype=np.uint8)


def to_srgb(samples: npt.NDArray[np.uint8], mode: str, profile: bytes) -> tuple[Pixels, tuple[str, ...]]:
    """Convert small decoded samples to sRGB.

    Args:
        samples: (h, w) or (h, w, channels) uint8.
        mode: ``L``, ``RGB``, ``CMYK`` or ``LAB``.
        profile: Embedded ICC profile; empty for none. A profile that is damaged, huge or made for another
            colour model is ignored with a warning.

    Returns:
        Pixels and warning codes.
    """
    warnings: tuple[str, ...] = ()
    if profile and mode != "LAB":
        if len(profile) > MAX_PROFILE_BYTES:
            warnings = ("icc_profile_too_large",)
        else:
            transform, known = _transform(profile, mode)
            if transform is not None:
                return _apply(transform, samples, mode), ()
            warnings = () if known else ("bad_icc_profile",)
    if mode == "RGB":
        return samples, warnings
    if mode == "LAB":
        return _apply(_lab_transform(), samples, mode), warnings
    return np.asarray(Image.fromarray(samples, mode).convert("RGB")), warnings


def _apply(transform: ImageCms.ImageCmsTransform, samples: npt.NDArray[np.uint8], mode: str) -> Pixels:
    converted = ImageCms.applyTransform(Image.fromarray(samples, mode), transform)
    assert converted is not None
    return np.asarray(converted)


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, bool]:
    """Transform to sRGB, or None; and whether None means that none is needed."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space != _SPACES[mode]:
            return None, False
        if mode == "RGB" and (source.profile.profile_description or "").startswith("sRGB"):
            return None, True
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, mode, "RGB"), True
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None, False


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
