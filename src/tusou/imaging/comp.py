"""Comps: pictures to lay a page out with, marked all over, so that they are of no use for anything else."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from tusou.types import Pixels

SIDE = 1000
"""Longest side of a comp, pixels."""

QUALITY = 82
ANGLE = 28
OPACITY = 96
"""Of the mark, out of 255: readable on light and on dark, and the picture stays to be seen."""


def make_comp(pixels: Pixels, text: str) -> bytes:
    """Mark a picture all over; JPEG without metadata.

    Args:
        pixels: The picture, at most SIDE on its longest side.
        text: What the mark says; Latin letters and digits.
    """
    picture = Image.fromarray(pixels).convert("RGBA")
    return _flattened(Image.alpha_composite(picture, _mark(picture.size, text)))


def _mark(size: tuple[int, int], text: str) -> Image.Image:
    """The text in slanting rows over a whole picture, white with a dark edge."""
    width, height = size
    side = int((width**2 + height**2) ** 0.5) + 2  # turned, it still covers everything
    letters = max(12, max(size) // 24)
    font = ImageFont.load_default(letters)
    tile = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(tile)
    step = int(draw.textlength(text, font=font)) + 3 * letters
    for row, y in enumerate(range(0, side, 4 * letters)):
        for x in range(-step + (row % 2) * step // 2, side, step):
            draw.text(
                (x, y), text, font=font, fill=(255, 255, 255, OPACITY),
                stroke_width=1, stroke_fill=(0, 0, 0, OPACITY),
            )  # fmt: skip
    turned = tile.rotate(ANGLE, resample=Image.Resampling.BICUBIC)
    left, top = (side - width) // 2, (side - height) // 2
    return turned.crop((left, top, left + width, top + height))


def _flattened(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
