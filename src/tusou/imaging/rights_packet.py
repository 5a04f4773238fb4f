"""Write who made a picture and what it may be used for into the file: XMP, as IPTC and PLUS name it.

ISO 16684-1 (XMP), IPTC Photo Metadata Standard 2023.1, PLUS License Data Format 2.0.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
PNG_XMP = b"XML:com.adobe.xmp"
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
LARGEST_JPEG_BLOCK = 65_533 - len(JPEG_XMP)
"""A JPEG segment's length has two bytes, which count themselves."""

_NAMES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


@dataclass(frozen=True, slots=True)
class RightsFields:
    """What is written; empty fields are left out.

    Attributes:
        title_en: Title in English.
        title_zh: Title in Chinese.
        description_en: Description in English.
        description_zh: Description in Chinese.
        keywords: Keywords of both languages.
        creator: Who made the picture.
        credit: Credit line as the supplier wants it.
        copyright: Copyright notice.
        usage_terms: What the licence allows, in words.
        license_url: Where the licence can be read (Web Statement of Rights).
        source: Where the picture came from, an address.
        supplier: Name of the supplier (PLUS Image Supplier).
        supplier_id: The supplier's own id of the picture.
        license_id: Name of the grant the file was handed out under (PLUS License ID).
        project: What it was licensed for (PLUS Licensee Project Reference).
        free: The picture is in the public domain.
    """

    title_en: str = ""
    title_zh: str = ""
    description_en: str = ""
    description_zh: str = ""
    keywords: tuple[str, ...] = ()
    creator: str = ""
    credit: str = ""
    copyright: str = ""
    usage_terms: str = ""
    license_url: str = ""
    source: str = ""
    supplier: str = ""
    supplier_id: str = ""
    license_id: str = ""
    project: str = ""
    free: bool = False


def xmp_packet(fields: RightsFields) -> bytes:
    """The fields as an XMP packet, UTF-8."""
    title, description = (
        {"en": getattr(fields, f"{name}_en"), "zh": getattr(fields, f"{name}_zh")}
        for name in ("title", "description")
    )
    parts = [
        _languages("dc:title", title),
        _languages("dc:description", description),
        _list("dc:subject", "Bag", fields.keywords),
        _list("dc:creator", "Seq", [fields.creator]),
        _languages("dc:rights", {"en": fields.copyright}),
        _text("dc:source", fields.source),
        _text("photoshop:Credit", fields.credit),
        _text("photoshop:Source", fields.supplier),
        f"<xmpRights:Marked>{'False' if fields.free else 'True'}</xmpRights:Marked>",
        _languages("xmpRights:UsageTerms", {"en": fields.usage_terms}),
        _text("xmpRights:WebStatement", fields.license_url),
        _text("cc:license", fields.license_url),
        _text("plus:ImageSupplierImageID", fields.supplier_id),
        _structures("plus:ImageSupplier", "plus:ImageSupplierName", fields.supplier),
        _structures("plus:Licensor", "plus:LicensorURL", fields.source),
        _text("plus:LicenseID", fields.license_id),
        _list("plus:LicenseeProjectReference", "Seq", [fields.project]),
    ]
    names = " ".join(f"xmlns:{prefix}={quoteattr(address)}" for prefix, address in _NAMES.items())
    body = "\n  ".join(filter(None, parts))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        f' <rdf:Description rdf:about="" {names}>\n  {body}\n </rdf:Description>\n'
        "</rdf:RDF></x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


def embed_packet(data: bytes, image_format: str, packet: bytes) -> bytes:
    """Put a packet into a JPEG or PNG file, in the place of one that is there; pixels stay as they are.

    Args:
        data: The whole file.
        image_format: As sniffed; other formats come back unchanged.
        packet: What xmp_packet made; too long for a JPEG segment, it is left out.
    """
    if image_format == "jpeg" and len(packet) <= LARGEST_JPEG_BLOCK:
        return _into_jpeg(data, packet)
    return _into_png(data, packet) if image_format == "png" else data


def _into_jpeg(data: bytes, packet: bytes) -> bytes:
    """Behind the markers a reader expects first (JFIF, EXIF)."""
    head, at, placed = bytearray(data[:2]), 2, False
    payload = JPEG_XMP + packet
    segment = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
    while at + 4 <= len(data) and data[at] == 0xFF and 0xE0 <= data[at + 1] <= 0xEF:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        own = data[at + 4 : end]
        leading = data[at + 1] == 0xE0 or own.startswith(b"Exif\0")
        if not placed and not leading:
            head += segment
            placed = True
        if not own.startswith((JPEG_XMP, b"http://ns.adobe.com/xmp/extension/\0")):
            head += data[at:end]
        at = end
    return bytes(head) + (b"" if placed else segment) + data[at:]


def _into_png(data: bytes, packet: bytes) -> bytes:
    """Behind the header chunk."""
    if not data.startswith(PNG_HEAD):
        return data
    chunk = b"iTXt" + PNG_XMP + b"\0\0\0\0\0" + packet
    made = len(chunk[4:]).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if not (kind == b"iTXt" and body.startswith(PNG_XMP + b"\0")):
            parts.append(data[at:end])
        if kind == b"IHDR":
            parts.append(made)
        at = end
    return b"".join([*parts, data[at:]])


def _text(name: str, value: str) -> str:
    return f"<{name}>{_clean(value)}</{name}>" if value else ""


def _list(name: str, kind: str, values: Iterable[str]) -> str:
    lines = "".join(f"<rdf:li>{_clean(value)}</rdf:li>" for value in values if value)
    return f"<{name}><rdf:{kind}>{lines}</rdf:{kind}></{name}>" if lines else ""


def _languages(name: str, values: dict[str, str]) -> str:
    """Alternatives by language; the first one is the default, as readers of one language expect."""
    given = {lang: value for lang, value in values.items() if value}
    if not given:
        return ""
    first = next(iter(given.values()))
    alternatives = {"x-default": first, **{"zh-CN" if lang == "zh" else lang: v for lang, v in given.items()}}
    lines = "".join(f'<rdf:li xml:lang="{lang}">{_clean(v)}</rdf:li>' for lang, v in alternatives.items())
    return f"<{name}><rdf:Alt>{lines}</rdf:Alt></{name}>"


def _structures(name: str, field: str, value: str) -> str:
    inner = _text(field, value)
    li = f'<rdf:li rdf:parseType="Resource">{inner}</rdf:li>'
    return f"<{name}><rdf:Seq>{li}</rdf:Seq></{name}>" if inner else ""


def _clean(value: str) -> str:
    """Text XML can hold: control characters have no place in it."""
    return escape("".join(letter for letter in value if letter.isprintable() or letter in "\n\t"))
