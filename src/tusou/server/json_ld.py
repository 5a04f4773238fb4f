"""An image as schema.org describes it, for search engines and browsers that read rights (ImageObject)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

Json = dict[str, Any]


def image_object(item: Json, base_url: str) -> Json:
    """schema.org ImageObject of an item; what nobody knows is left out.

    Args:
        item: As the API writes it.
        base_url: Of this server, so that addresses are whole.
    """
    known = {
        "name": item["title"],
        "description": item["description"],
        "contentUrl": urljoin(base_url, item["urls"]["regular"]),
        "thumbnailUrl": urljoin(base_url, item["urls"]["thumb"]),
        "url": urljoin(base_url, f"/?view={item['id']}"),
        "license": item["license_url"],
        "acquireLicensePage": urljoin(base_url, f"/?view={item['id']}"),
        "creditText": item["credit"] or item["attribution"],
        "copyrightNotice": item["rights"],
        "creator": {"@type": "Person", "name": item["creator"]} if item["creator"] else None,
        "keywords": ", ".join(tag["name"] for tag in item["tags"]),
    }
    return {
        "@context": "https://schema.org/",
        "@type": "ImageObject",
        "identifier": item["id"],
        "width": item["width"],
        "height": item["height"],
        "provider": {"@type": "Organization", "name": item["supplier_title"]},
        **{name: value for name, value in known.items() if value},
    }
