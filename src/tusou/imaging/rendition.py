"""Make the file somebody takes home: in the size and format asked for, in sRGB, without old metadata."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

from PIL import Image

from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits

RenditionFormat = Literal["jpeg", "png", "webp"]

QUALITY = 92
"""Of JPEG and WebP: what somebody prints or edits should not show blocks."""


def render(data: bytes, limits: Limits, side: int, image_format: RenditionFormat) -> bytes:
    """Scale a picture down and encode it; one that is smaller keeps its size.

    Args:
        data: The original file.
        limits: What decoding may cost.
        side: Longest side wanted, pixels.
        image_format: Format wanted.

    Raises:
        DecodeError: The original cannot be decoded.
    """
    out = BytesIO()
    picture = Image.fromarray(decode(data, limits, side).pixels)
    if image_format == "png":
        picture.save(out, "PNG", optimize=False)
    elif image_format == "webp":
        picture.save(out, "WEBP", quality=QUALITY)
    else:
        picture.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()
