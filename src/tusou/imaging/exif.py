"""Read the textual tags of an EXIF block."""

from __future__ import annotations

from typing import Any

from PIL import Image

from tusou.imaging.metatext import decode_bytes

_EXIF_IFD = 0x8769
_TAGS = {
    0x010E: "description",
    0x013B: "artist",
    0x8298: "copyright",
    0x0132: "changed",
    0x9C9B: "xp_title",
    0x9C9C: "xp_comment",
    0x9C9D: "xp_author",
    0x9C9E: "xp_keywords",
    0x9C9F: "xp_subject",
}
_EXIF_TAGS = {0x9003: "taken", 0x9004: "digitized"}


def read_exif(tags: Image.Exif) -> dict[str, str]:
    """Texts by the names above; tags that are missing or not text are left out."""
    found = {name: _text(tags.get(tag)) for tag, name in _TAGS.items()}
    inner = tags.get_ifd(_EXIF_IFD)
    found |= {name: _text(inner.get(tag)) for tag, name in _EXIF_TAGS.items()}
    return {name: text for name, text in found.items() if text}


def _text(value: Any) -> str:
    if isinstance(value, tuple) and all(isinstance(part, int) and 0 <= part < 256 for part in value):
        value = bytes(value)
    if isinstance(value, bytes):  # Windows' XP tags
        return value.decode("utf-16-le", "replace").split("\0", 1)[0]
    if isinstance(value, str):  # Pillow decodes ASCII tags as Latin-1, whatever they hold
        return decode_bytes(value.encode("latin-1", "replace"))
    return ""
