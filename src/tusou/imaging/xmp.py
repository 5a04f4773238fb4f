"""Read the properties tusou knows out of an XMP packet, which is untrusted XML."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "rights": "http://ns.adobe.com/xap/1.0/rights/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "iptc": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
}
_NAMES = {
    "dc": ("title", "description", "subject", "creator", "rights", "source"),
    "photoshop": ("Headline", "Credit", "Source", "DateCreated"),
    "rights": ("WebStatement", "UsageTerms"),
    "xmp": ("CreateDate",),
    "cc": ("license", "attributionURL"),
    "plus": ("ModelReleaseStatus", "PropertyReleaseStatus", "LicensorURL"),
    "iptc": ("CiUrlWork",),
}
_WANTED = {
    f"{{{_SPACES[space]}}}{name}": f"{space}:{name}" for space, names in _NAMES.items() for name in names
}

Value = tuple[str, str]
"""Language tag (empty when there is none) and text."""


def read_xmp(packet: bytes) -> dict[str, list[Value]]:
    """Values by property (``dc:title`` …), wherever in the packet the property stands.

    Raises:
        ValueError: The packet is not well-formed, or declares entities.
    """
    try:
        root = fromstring(packet.strip(b"\0 \t\r\n"))
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(f"not a valid XMP packet: {error}") from error
    found: dict[str, list[Value]] = {}
    for element in root.iter():
        for key, text in element.attrib.items():
            if key in _WANTED:
                found.setdefault(_WANTED[key], []).append(("", text))
        if element.tag in _WANTED:
            found.setdefault(_WANTED[element.tag], []).extend(_values(element))
    return found


def _values(element: Element) -> Iterator[Value]:
    """Items of a container, the target of a reference, or the text itself."""
    items = [child for container in element for child in container if child.tag == f"{_RDF}li"]
    for item in items or [element]:
        text = item.get(f"{_RDF}resource") or item.text or ""
        if text.strip():
            yield item.get(_LANGUAGE, ""), text
