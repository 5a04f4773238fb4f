"""Where an image's bytes can be loaded: the one place that knows how media addresses look."""

from __future__ import annotations

from tusou.types import ImageRecord

THUMBNAIL_SIDE = 512
PREVIEW_SIDES = (1280, 2048)
"""Longest sides a preview may be asked in; a fixed few, so that the cache holds and nobody scales at will."""


def media_urls(record: ImageRecord) -> dict[str, str]:
    """The ``urls`` of an image. Thumbnails and previews name the content, so they never go stale."""
    thumbnail = f"/media/thumbnails/{record.sha256}.jpg"
    regular, full = (_preview(record, side) for side in PREVIEW_SIDES)
    return {
        "raw": f"/media/originals/{record.image_id}",
        "full": full or thumbnail,
        "regular": regular or thumbnail,
        "small": thumbnail,
        "thumb": thumbnail,
    }


def _preview(record: ImageRecord, side: int) -> str:
    """Address of a preview; empty where the thumbnail shows every pixel there is."""
    if max(record.width, record.height) <= THUMBNAIL_SIDE:
        return ""
    return f"/media/previews/{record.image_id}?size={side}&v={record.sha256[:12]}"
