"""The line that names title, creator, source and licence of an image, ready to paste beside it."""

from __future__ import annotations

import re

from tusou.catalog.licenses import license_of
from tusou.errors import UnknownLicense
from tusou.search.texts import title_of
from tusou.types import ImageRecord, Language, License, Supplier

_CREATIVE_COMMONS = re.compile(r"CC-([A-Z-]+)-(\d\.\d)(?:-([A-Z]+))?")


def record_license(record: ImageRecord) -> License | None:
    """The licence of an image, None when nobody knows it."""
    try:
        return license_of(record.metadata.license) if record.metadata.license else None
    except UnknownLicense:
        return None


def short_name(license_: License, lang: Language) -> str:
    """The licence as people write it in a credit line (``CC BY-SA 4.0``), its full name otherwise."""
    match = _CREATIVE_COMMONS.fullmatch(license_.code)
    if match:
        return f"CC {match[1]} {match[2]} {match[3] or ''}".rstrip()
    return license_.name[lang]


def attribution_of(record: ImageRecord, lang: Language, supplier: Supplier | None = None) -> str:
    """Build the attribution line: title, creator, source, licence; parts nobody knows are left out.

    Args:
        record: The image.
        lang: Language of the line; the title falls back to the other language.
        supplier: Its supplier, for the readable name.
    """
    source = (supplier.title if supplier else "") or record.supplier
    license_ = record_license(record)
    creator = record.metadata.creator or record.metadata.credit
    return (_chinese if lang == "zh" else _english)(title_of(record, lang), creator, source, license_)


def _english(title: str, creator: str, source: str, license_: License | None) -> str:
    parts = [f"“{title}”" if title else "Image"]
    if creator:
        parts[0] += f" by {creator}"
    parts.append(f"from {source}")
    if license_:
        url = f" ({license_.url})" if license_.url else ""
        parts.append(f"licence: {short_name(license_, 'en')}{url}")
    return ", ".join(parts)


def _chinese(title: str, creator: str, source: str, license_: License | None) -> str:
    parts = [f"《{title}》" if title else "图片"]
    if creator:
        parts.append(f"作者：{creator}")
    parts.append(f"来源：{source}")
    if license_:
        url = f"（{license_.url}）" if license_.url else ""
        parts.append(f"许可：{short_name(license_, 'zh')}{url}")
    return "，".join(parts)
