"""The IIIF Image API 3.0, level 2: which part of a picture, how large, turned how, in which colours.

https://iiif.io/api/image/3.0/ . Parameters are read against the size of the picture on offer, then carried
out on its pixels in the order the standard names: region, size, rotation, quality, format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image

from tusou.errors import QueryError
from tusou.types import Pixels

Quality = Literal["default", "color", "gray", "bitonal"]
Format = Literal["jpg", "png"]

_NUMBER = r"(?:\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})"
_REGION = re.compile(rf"(pct:)?({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})")
_SIZE = re.compile(rf"pct:({_NUMBER})|(!)?(\d{{0,6}}),(\d{{0,6}})")
JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A request, worked out in pixels of the picture on offer.

    Attributes:
        box: Left, top, right, bottom of the region.
        size: Width and height of the result before it is turned.
        rotation: Degrees clockwise: 0, 90, 180 or 270.
        quality: Colours.
        format: Of the file.
    """

    box: tuple[int, int, int, int]
    size: tuple[int, int]
    rotation: int
    quality: Quality
    format: Format


def parse_request(
    width: int, height: int, region: str, size: str, rotation: str, quality: Quality, image_format: Format
) -> ImageRequest:
    """Read the parameters of an image request.

    Args:
        width: Of the picture on offer, pixels.
        height: Of the picture on offer, pixels.
        region: ``full``, ``square``, ``x,y,w,h`` or ``pct:x,y,w,h``.
        size: ``max``, ``w,``, ``,h``, ``pct:n``, ``w,h`` or ``!w,h``; never larger than the region.
        rotation: ``0``, ``90``, ``180`` or ``270``.
        quality: Colours.
        image_format: Of the file.

    Raises:
        QueryError: One cannot be understood, or asks for nothing or for more than there is (``bad_iiif``).
    """
    box = _box(width, height, region)
    if rotation not in ("0", "90", "180", "270"):
        raise _bad("rotation", rotation, "0, 90, 180 or 270")
    wanted = _size(box[2] - box[0], box[3] - box[1], size)
    return ImageRequest(box, wanted, int(rotation), quality, image_format)


def carry_out(pixels: Pixels, request: ImageRequest) -> bytes:
    """Make the file a request asks for out of the pixels on offer."""
    picture = Image.fromarray(pixels).crop(request.box)
    if picture.size != request.size:
        picture = picture.resize(request.size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if request.rotation:
        picture = picture.rotate(-request.rotation, expand=True)
    if request.quality in ("gray", "bitonal"):
        picture = picture.convert("L" if request.quality == "gray" else "1")
    out = BytesIO()
    if request.format == "png":
        picture.save(out, "PNG")
    else:
        picture.convert("L" if picture.mode in ("1", "L") else "RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """The size of a picture scaled down so that its longest side is at most ``side``."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _box(width: int, height: int, region: str) -> tuple[int, int, int, int]:
    if region == "full":
        return 0, 0, width, height
    if region == "square":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return left, top, left + side, top + side
    found = _REGION.fullmatch(region)
    if found is None:
        raise _bad("region", region, "full, square, x,y,w,h or pct:x,y,w,h")
    x, y, w, h = (float(part) for part in found.groups()[1:])
    if found[1]:
        x, w, y, h = x * width / 100, w * width / 100, y * height / 100, h * height / 100
    left, top = round(x), round(y)
    right, bottom = min(width, round(x + w)), min(height, round(y + h))  # what leaves the picture is cut off
    if left >= right or top >= bottom:
        raise _bad("region", region, "a part of the picture that is not empty")
    return left, top, right, bottom


def _size(width: int, height: int, size: str) -> tuple[int, int]:
    if size == "max":
        return width, height
    found = _SIZE.fullmatch(size)
    if found is None or size in (",", "!,"):
        raise _bad("size", size, "max, w,, ,h, pct:n, w,h or !w,h")
    percent, within, w, h = found.groups()
    if percent is not None:
        wanted = (round(width * float(percent) / 100), round(height * float(percent) / 100))
    elif within:
        scale = min(int(w or width) / width, int(h or height) / height)
        wanted = (round(width * scale), round(height * scale))
    elif not h:
        wanted = (int(w), round(height * int(w) / width))
    elif not w:
        wanted = (round(width * int(h) / height), int(h))
    else:
        wanted = (int(w), int(h))
    if not (1 <= wanted[0] <= width and 1 <= wanted[1] <= height):
        raise _bad("size", size, f"1,1 to {width},{height}: nothing is enlarged")
    return wanted


def _bad(name: str, value: str, expected: str) -> QueryError:
    return QueryError(f"{name} {value[:60]!r}: expected {expected}", reason="bad_iiif")
