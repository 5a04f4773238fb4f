"""Make the committed pictures: trim, scale down, choose a format, tell blank and repeated ones."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import PIL
from PIL import Image, ImageChops, ImageOps, ImageStat

from build_demo_library.model import Item

PILLOW = PIL.__version__
SMALLEST = 90
LARGEST_PIXELS = 60_000_000
_MARGIN = 0.03
_PALETTE_ERROR = 3.0  # mean difference of 8-bit levels up to which a palette does a drawing no harm
_BLANK_CONTRAST = 8.0
_LEAST_INK = 0.02


class Unusable(Exception):
    """A picture that would not do in a demo; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture, with a difference hash to find repeated ones."""

    data: bytes
    suffix: str
    hash: int


def make_picture(item: Item) -> Picture:
    """Turn an item's picture into the bytes to commit.

    Raises:
        Unusable: Too small, too large, or nothing to see on a white page.
    """
    image = _open(item)
    if item.kind != "photo":
        image = trim(image)
    if max(image.size) < SMALLEST:
        raise Unusable("smaller than 90 pixels")
    image.thumbnail((item.longest, item.longest), Image.Resampling.LANCZOS)
    page = on_white(image)
    _check_visible(page)
    data, suffix = _encode(image, page, item.kind)
    return Picture(data, suffix, difference_hash(page))


def _open(item: Item) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # Debian's files are trusted; the limit below is about time
    opened = Image.open(item.picture) if isinstance(item.picture, Path) else item.picture()
    if opened.width * opened.height > LARGEST_PIXELS:
        raise Unusable("larger than 60 megapixels")
    opened = ImageOps.exif_transpose(opened)
    has_alpha = opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info
    return opened.convert("RGBA" if has_alpha else "RGB")


def on_white(image: Image.Image) -> Image.Image:
    """Lay a picture on white, as a page shows it."""
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return page


def trim(image: Image.Image, margin_share: float = _MARGIN) -> Image.Image:
    """Cut off the empty border, leaving a margin of a share of the longer side."""
    page = on_white(image)
    box = ImageChops.difference(page, Image.new("RGB", page.size, "white")).getbbox()
    if not box:
        raise Unusable("nothing to see on a white page")
    margin = round(margin_share * max(box[2] - box[0], box[3] - box[1]))
    left, top = max(0, box[0] - margin), max(0, box[1] - margin)
    return image.crop((left, top, min(image.width, box[2] + margin), min(image.height, box[3] + margin)))


def _check_visible(page: Image.Image) -> None:
    grey = page.convert("L")
    ink = sum(grey.histogram()[:245]) / (page.width * page.height)
    if ImageStat.Stat(grey).stddev[0] < _BLANK_CONTRAST or ink < _LEAST_INK:
        raise Unusable("nothing to see on a white page")


def _encode(image: Image.Image, page: Image.Image, kind: str) -> tuple[bytes, str]:
    if kind == "photo":
        return _save(page, "JPEG", quality=80, optimize=True, progressive=True), "jpg"
    if kind == "drawing":
        flat = image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        loss = ImageStat.Stat(ImageChops.difference(on_white(flat.convert("RGBA")), page).convert("L")).mean[
            0
        ]
        if loss <= _PALETTE_ERROR:
            return _save(flat, "PNG", optimize=True), "png"
    return _save(image, "WEBP", quality=82, method=4), "webp"


def _save(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.info.clear()  # no profile, EXIF or comment of the source goes along
    image.save(out, form, **options)
    return out.getvalue()


def difference_hash(page: Image.Image) -> int:
    """Return 128 bits: does brightness rise from cell to cell, along rows and along columns (dHash)."""
    grey = page.convert("L")
    across = grey.resize((9, 8), Image.Resampling.BOX).tobytes()
    down = grey.resize((8, 9), Image.Resampling.BOX).tobytes()
    bits = [across[9 * row + i] < across[9 * row + i + 1] for row in range(8) for i in range(8)]
    bits += [down[i] < down[i + 8] for i in range(64)]
    return sum(bit << i for i, bit in enumerate(bits))
