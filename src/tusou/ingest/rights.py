"""Licences as suppliers spell them to the codes the catalog keeps."""

from __future__ import annotations

from dataclasses import replace

from tusou.catalog.licenses import normalize_license
from tusou.errors import UnknownLicense
from tusou.types import Metadata


def normalize_rights(metadata: Metadata) -> Metadata:
    """Metadata with a licence code: of the licence as spelled, else of its address where that is known.

    Raises:
        UnknownLicense: The licence is spelled in a way tusou does not know.
    """
    if metadata.license:
        return replace(metadata, license=normalize_license(metadata.license))
    if metadata.license_url:
        try:
            return replace(metadata, license=normalize_license(metadata.license_url))
        except UnknownLicense:
            return metadata  # a page of terms that names no licence: kept as the address it is
    return metadata
