"""The query picture: from bytes or a library image to what recall compares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tusou.catalog.library import Library
from tusou.encoders.base import Encoder
from tusou.errors import CatalogError, ImageTooLarge, QueryError
from tusou.imaging.decode import DecodedImage
from tusou.imaging.fingerprint import fingerprint
from tusou.types import Embeddings, ImageRecord, Pixels, Region, SearchRequest

Decode = Callable[[bytes], DecodedImage]
"""Turns the bytes of a picture into pixels within limits; a server's runs in a guarded process."""

SMALLEST_REGION = 16
"""Shortest side of a region in pixels of the working picture; less shows nothing a model could read."""

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class QueryImage:
    """What recall knows of the query picture.

    Attributes:
        embedding: (dim,) float32, L2-normalised.
        fingerprint: 32 bytes.
        fingerprint_quality: 0 to 100; below 50 the fingerprint says nothing.
        sha256: Digest of the bytes; empty when only a region is asked for.
        row: The picture's own row when it is one of the library, else None.
    """

    embedding: Embeddings
    fingerprint: bytes
    fingerprint_quality: int
    sha256: str
    row: int | None = None


def read_query_image(
    request: SearchRequest, library: Library, encoder: Encoder, decode: Decode
) -> QueryImage | None:
    """Make the query picture of a request; None when it has none.

    Raises:
        QueryError: A region outside the picture, or too many bytes.
        DecodeError: The bytes are no picture tusou reads.
        ImageNotFound: No image has the id.
    """
    if request.image is not None:
        limit = library.config.max_upload_bytes
        if len(request.image) > limit:
            raise ImageTooLarge(
                f"the query picture has {len(request.image)} bytes, at most {limit} are read "
                "(setting max_upload_bytes); send a smaller copy",
                reason="too_many_bytes",
            )
        return _from_bytes(request.image, request.region, encoder, decode)
    if request.image_id is not None:
        record = library.catalog.get(request.image_id)
        return _from_library(record, request.region, library, encoder, decode)
    return None


def _from_bytes(data: bytes, region: Region | None, encoder: Encoder, decode: Decode) -> QueryImage:
    pixels = decode(data).pixels
    if region is not None:
        pixels = crop(pixels, region)
    bits, quality = fingerprint(pixels)
    digest = hashlib.sha256(data).hexdigest() if region is None else ""
    return QueryImage(encoder.encode_images([pixels])[0], bits, quality, digest)


def _from_library(
    record: ImageRecord, region: Region | None, library: Library, encoder: Encoder, decode: Decode
) -> QueryImage:
    """Use what ingest kept of the image; a region needs its pixels again."""
    embeddings = library.embeddings(encoder.model_id, encoder.dim)
    if region is not None or record.row >= len(embeddings):  # it may have come under another model
        read = _from_bytes(_read_original(record, library), region, encoder, decode)
        return replace(read, row=record.row)
    kept = embeddings.take(np.array([record.row]))
    return QueryImage(
        kept[0].astype(np.float32), record.fingerprint, record.fingerprint_quality, record.sha256, record.row
    )


def _read_original(record: ImageRecord, library: Library) -> bytes:
    path = library.original_path(record)
    try:
        return path.read_bytes()
    except OSError as error:
        raise CatalogError(
            f"the original of image {record.image_id} cannot be read ({error}); search without a region, or "
            "bring the supplier's files back",
            reason="original_missing",
        ) from error


def check_region(region: Region) -> None:
    """Refuse a region that is no part of a picture.

    Raises:
        QueryError: A side is not above 0, or a corner lies outside.
    """
    sides = (region.x, region.y, region.width, region.height)
    inside = (
        all(np.isfinite(sides))
        and min(region.x, region.y) >= 0
        and min(region.width, region.height) > 0
        and region.x + region.width <= 1 + _ROUNDING
        and region.y + region.height <= 1 + _ROUNDING
    )
    if not inside:
        raise QueryError(
            f"region {','.join(f'{side:g}' for side in sides)} must be x,y,width,height in shares of the "
            "picture (0 to 1), not empty and inside it",
            reason="bad_region",
        )


def crop(pixels: Pixels, region: Region) -> Pixels:
    """Cut a checked region out of a picture.

    Raises:
        QueryError: The region is too small to show anything.
    """
    height, width = pixels.shape[:2]
    left, top = round(region.x * width), round(region.y * height)
    right, bottom = round((region.x + region.width) * width), round((region.y + region.height) * height)
    if min(right - left, bottom - top) < min(SMALLEST_REGION, height, width):
        raise QueryError(
            f"the region covers {right - left} x {bottom - top} pixels of the working picture; its sides "
            f"need at least {SMALLEST_REGION}, so draw a larger one",
            reason="region_too_small",
        )
    return np.ascontiguousarray(pixels[top:bottom, left:right])
