"""Records with the fields a test cares about; everything else is plain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tusou.types import ImageRecord, Metadata, Quality, Swatch


def a_record(row: int = 0, **fields: Any) -> ImageRecord:
    """An image record; fields of Metadata may be given beside those of ImageRecord."""
    metadata = {name: fields.pop(name) for name in list(fields) if name in Metadata.__slots__}
    values: dict[str, Any] = {
        "image_id": f"img{row:04d}",
        "row": row,
        "supplier": "acme",
        "item_id": f"item-{row}",
        "sha256": f"{row:064x}",
        "byte_size": 1000,
        "format": "jpeg",
        "width": 1200,
        "height": 800,
        "frames": 1,
        "thumb_hash": b"\x01\x02\x03",
        "fingerprint": bytes(32),
        "fingerprint_quality": 100,
        "quality": Quality(0.96, 5.0, 0.9, 0.2, 40.0, 0.0),
        "palette": (Swatch((255, 0, 0), 0.75), Swatch((0, 0, 0), 0.25)),
        "metadata": Metadata(**metadata),
        "added": datetime(2024, 5, 6, tzinfo=UTC),
        "updated": datetime(2024, 5, 7, tzinfo=UTC),
    }
    return ImageRecord(**(values | fields))
