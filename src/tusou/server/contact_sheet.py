"""A collection on paper: thumbnails in rows, below each its title, licence, supplier and id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

from tusou.types import Language

FONT = "STSong-Light"
"""One of PDF's standard Chinese fonts: every reader brings it, so that nothing has to be embedded."""

WIDTH, HEIGHT = A4
MARGIN, GAP = 36.0, 14.0
COLUMNS, ROWS = 3, 4
CELL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
PICTURE = 118.0
ROW = PICTURE + 56.0
HEAD = 52.0

Json = Mapping[str, Any]


def contact_sheet(
    name: str,
    description: str,
    images: Sequence[Json],
    thumbnails: Mapping[str, bytes | None],
    lang: Language,
) -> bytes:
    """Draw a collection as PDF, A4.

    Args:
        name: Of the collection.
        description: Of the collection.
        images: Items as the API writes them.
        thumbnails: Image id to JPEG bytes.
        lang: Language of the few words of our own.
    """
    registerFont(UnicodeCIDFont(FONT))
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.setTitle(name)
    pages = max(1, -(-len(images) // (COLUMNS * ROWS)))
    for page in range(pages):
        _head(canvas, name, description, page + 1, pages, lang)
        for place, image in enumerate(images[page * COLUMNS * ROWS : (page + 1) * COLUMNS * ROWS]):
            row, column = divmod(place, COLUMNS)
            x = MARGIN + column * (CELL + GAP)
            top = HEIGHT - MARGIN - HEAD - row * ROW
            _cell(canvas, image, thumbnails.get(image["id"]), x, top)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _head(canvas: Canvas, name: str, description: str, page: int, pages: int, lang: Language) -> None:
    canvas.setFillGray(0)
    canvas.setFont(FONT, 16)
    canvas.drawString(MARGIN, HEIGHT - MARGIN - 14, _fit(name, 16, WIDTH - 2 * MARGIN - 80))
    canvas.setFillGray(0.4)
    canvas.setFont(FONT, 9)
    day = datetime.now(UTC).date().isoformat()
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - MARGIN - 12, f"{day} · {page}/{pages}")
    canvas.drawString(MARGIN, HEIGHT - MARGIN - 30, _fit(description, 9, WIDTH - 2 * MARGIN))
    note = (
        "版权归各作者所有，请按许可使用。"
        if lang == "zh"
        else "Rights stay with the authors; use as licensed."
    )
    canvas.drawString(MARGIN, MARGIN - 14, note)


def _cell(canvas: Canvas, image: Json, thumbnail: bytes | None, x: float, top: float) -> None:
    if thumbnail is not None:
        scale = min(CELL / image["width"], PICTURE / image["height"])
        width, height = image["width"] * scale, image["height"] * scale
        picture = ImageReader(BytesIO(thumbnail))
        canvas.drawImage(
            picture, x + (CELL - width) / 2, top - PICTURE + (PICTURE - height) / 2, width, height
        )
    lines = [
        (image["title"] or image["id"], 9, 0.0),
        (" · ".join(filter(None, (image["license"], image["supplier_title"]))), 8, 0.35),
        (image["creator"], 8, 0.35),
        (image["id"], 7, 0.5),
    ]
    y = top - PICTURE - 11
    for text, size, grey in lines:
        canvas.setFillGray(grey)
        canvas.setFont(FONT, size)
        canvas.drawString(x, y, _fit(text, size, CELL))
        y -= size + 2.5


def _fit(text: str, size: int, width: float) -> str:
    """The text, cut so that it fits."""
    text = " ".join(text.split())
    if stringWidth(text, FONT, size) <= width:
        return text
    while text and stringWidth(text + "…", FONT, size) > width:
        text = text[:-1]
    return text + "…"
