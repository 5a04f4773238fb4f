"""Hand a file out under a grant: checked again, rights written into it, recorded before it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from fastapi import Response

from tusou.errors import NotAllowed
from tusou.imaging.rendition import RenditionFormat
from tusou.imaging.rights_packet import RightsFields, embed_packet, xmp_packet
from tusou.office.rights import Grant
from tusou.search.attribution import attribution_of, record_license
from tusou.server.shown import shown_record
from tusou.server.state import ServerState
from tusou.server.workers import read_original
from tusou.types import ImageRecord, Supplier

Size = Literal["original", "2048", "1280", "512"]
Format = Literal["original", "jpeg", "png", "webp"]

CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "avif": "image/avif",
}
"""Type by sniffed format; what is not listed goes out as plain bytes. Never what a supplier claims."""

SANDBOX = "default-src 'none'; sandbox"
LARGEST_SIDE = 1 << 16
"""The original's size, where only its format changes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file to hand out."""

    name: str
    format: str
    data: bytes

    def response(self) -> Response:
        """The answer that carries it, always as a download."""
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(self.name, safe='')}",
            "content-security-policy": SANDBOX,
            "cache-control": "no-store",
        }
        kind = CONTENT_TYPES.get(self.format, "application/octet-stream")
        return Response(self.data, media_type=kind, headers=headers)


def deliver(state: ServerState, who: str, grant_id: str, size: Size, image_format: Format) -> Delivery:
    """Make the file of a grant and record it.

    Args:
        state: The running server.
        who: Who takes it.
        grant_id: The grant it is taken under.
        size: ``original``, or the longest side in pixels.
        image_format: ``original`` keeps it where the size stays, else JPEG.

    Raises:
        NotHere: There is no such grant.
        Expired: The grant's time is over, or the image may not be shown any more.
        NotAllowed: The use is not allowed any more.
        DecodeError: The original is gone or cannot be decoded.
    """
    grant = state.rights.get(grant_id)
    record = shown_record(state, grant.image_id)
    state.rights.still_holds(grant, record)
    made = _file(state, record, size, image_format)
    data = embed_packet(made.data, made.format, xmp_packet(_fields(state, record, grant)))
    state.rights.downloaded(who, grant, record, size, made.format, len(data))
    return Delivery(made.name, made.format, data)


def original_of(state: ServerState, who: str, image_id: str, grant_id: str) -> Delivery:
    """The original of an image under a grant.

    Raises:
        NotAllowed: There is no grant (``license_needed``), or it is of another image (``other_image``).
        TusouError: As deliver().
    """
    record = shown_record(state, image_id)
    if not grant_id:
        raise NotAllowed(
            "originals are handed out under a grant: POST /api/v1/licenses says what the image is for and "
            "answers with the address of the file",
            reason="license_needed",
        )
    if state.rights.get(grant_id).image_id != record.image_id:
        raise NotAllowed(f"grant {grant_id!r} is of another image", reason="other_image")
    return deliver(state, who, grant_id, "original", "original")


def _file(state: ServerState, record: ImageRecord, size: Size, image_format: Format) -> Delivery:
    path = state.library.original_path(record)
    if size == "original" and image_format in ("original", record.format):
        return Delivery(_name(record, "", record.format), record.format, read_original(path))
    wanted: RenditionFormat = "jpeg" if image_format == "original" else image_format
    side = LARGEST_SIDE if size == "original" else int(size)
    made = state.workers.rendition(path, side, wanted)
    return Delivery(_name(record, "" if size == "original" else f"-{size}", wanted), wanted, made)


def _name(record: ImageRecord, ending: str, image_format: str) -> str:
    """Name of the saved file: of our own making but for letters and digits of the supplier's name."""
    stem = record.metadata.filename.rsplit("/")[-1].rsplit(".")[0] or record.item_id
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in stem).strip("-")
    extension = "jpg" if image_format == "jpeg" else image_format
    return f"{safe[:80] or record.image_id}{ending}.{extension}"


def _fields(state: ServerState, record: ImageRecord, grant: Grant) -> RightsFields:
    supplier: Supplier | None = state.suppliers().get(record.supplier)
    metadata, license_ = record.metadata, record_license(record)
    terms = metadata.usage_terms or (license_.name["en"] if license_ else "")
    return RightsFields(
        title_en=metadata.title_en,
        title_zh=metadata.title_zh,
        description_en=metadata.description_en,
        description_zh=metadata.description_zh,
        keywords=(*metadata.keywords_en, *metadata.keywords_zh),
        creator=metadata.creator,
        credit=metadata.credit or attribution_of(record, "en", supplier),
        copyright=metadata.copyright,
        usage_terms=terms,
        license_url=metadata.license_url or (license_.url if license_ else ""),
        source=metadata.source_url,
        supplier=(supplier.title if supplier else "") or record.supplier,
        supplier_id=record.item_id,
        license_id=grant.grant_id,
        project=grant.project,
        free=bool(license_ and not license_.attribution and license_.modification),
    )
