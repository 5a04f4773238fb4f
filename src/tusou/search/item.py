"""One image of an answer as JSON-ready values: the same item in the terminal and over HTTP."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from typing import Any

from tusou.ingest.indexing import license_types
from tusou.search.attribution import attribution_of, record_license
from tusou.search.texts import description_of, keywords_of, label_of, title_of
from tusou.types import Contribution, Explanation, Hit, ImageRecord, Language, Supplier, orientation_of

Urls = Callable[[ImageRecord], Mapping[str, str]]
"""Makes the ``urls`` of an image (``raw``, ``full``, ``regular``, ``small``, ``thumb``)."""


def item_of(
    hit: Hit, lang: Language, *, supplier: Supplier | None = None, urls: Urls | None = None
) -> dict[str, Any]:
    """A hit: the image's item and what the search made of it, from ``rank`` to ``explain``.

    ``fields_matched`` is empty and ``explain`` null unless the search asked for explanations.
    """
    explanation = hit.explanation
    return image_item(hit.image, lang, supplier=supplier, urls=urls) | {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "copies": list(hit.copies),
        "probability": None if hit.probability is None else round(hit.probability, 4),
        "fields_matched": list(explanation.matches) if explanation else [],
        "explain": explanation_item(explanation) if explanation else None,
    }


def image_item(
    record: ImageRecord, lang: Language, *, supplier: Supplier | None = None, urls: Urls | None = None
) -> dict[str, Any]:
    """Everything shown of an image, whatever the search."""
    return {
        **_identity(record, lang),
        **_picture(record),
        "urls": dict(urls(record)) if urls else None,
        **_origin(record, supplier),
        **_rights(record, lang, supplier),
        "added": record.added.isoformat(),
        "updated": record.updated.isoformat(),
    }


def _identity(record: ImageRecord, lang: Language) -> dict[str, Any]:
    return {
        "id": record.image_id,
        "title": title_of(record, lang),
        "description": description_of(record, lang),
        "alt_description": label_of(record, lang),
        "tags": [{"name": name, "accuracy": None} for name in keywords_of(record, lang)],
    }


def _picture(record: ImageRecord) -> dict[str, Any]:
    return {
        "width": record.width,
        "height": record.height,
        "megapixels": round(record.width * record.height / 1e6, 2),
        "orientation": orientation_of(record.width, record.height),
        "format": record.format,
        "byte_size": record.byte_size,
        "color": record.palette[0].hex if record.palette else None,
        "palette": [{"color": swatch.hex, "share": round(swatch.share, 4)} for swatch in record.palette],
        "thumb_hash": base64.b64encode(record.thumb_hash).decode("ascii"),
    }


def _origin(record: ImageRecord, supplier: Supplier | None) -> dict[str, Any]:
    metadata = record.metadata
    return {
        "supplier": record.supplier,
        "supplier_title": (supplier.title if supplier else "") or record.supplier,
        "item_id": record.item_id,
        "filename": metadata.filename,
        "creator": metadata.creator,
        "creator_url": metadata.creator_url,
        "foreign_landing_url": metadata.source_url,
        "created": metadata.created,
    }


def _rights(record: ImageRecord, lang: Language, supplier: Supplier | None) -> dict[str, Any]:
    metadata = record.metadata
    license_ = record_license(record)
    return {
        "rights": metadata.copyright,
        "credit": metadata.credit,
        "usage_terms": metadata.usage_terms,
        "license": metadata.license,
        "license_name": license_.name[lang] if license_ else "",
        "license_url": metadata.license_url or (license_.url if license_ else ""),
        "license_type": list(license_types(metadata.license)),
        "attribution": attribution_of(record, lang, supplier),
    }


def explanation_item(explanation: Explanation) -> dict[str, Any]:
    """Why a hit stands where it stands."""
    return {
        "sources": list(explanation.sources),
        "matches": {name: list(words) for name, words in explanation.matches.items()},
        "contributions": [_contribution_item(part) for part in explanation.contributions],
        "percentile": None if explanation.percentile is None else round(explanation.percentile, 6),
        "rules": [
            {
                "rule_id": rule.rule_id,
                "kind": rule.kind,
                "until": None if rule.until is None else rule.until.isoformat(),
                "note": rule.note,
            }
            for rule in explanation.rules
        ],
    }


def _contribution_item(part: Contribution) -> dict[str, Any]:
    return {
        "feature": part.feature,
        "value": None if math.isnan(part.value) else round(part.value, 6),
        "normalized": round(part.normalized, 6),
        "weight": round(part.weight, 6),
        "contribution": round(part.contribution, 6),
    }
