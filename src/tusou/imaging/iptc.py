"""Read IPTC-IIM records out of Photoshop resources or on their own."""

from __future__ import annotations

from collections.abc import Iterator

from tusou.imaging.metatext import decode_bytes

_RESOURCE = b"8BIM"
_IPTC_RESOURCE = 0x0404
_APPLICATION_RECORD = 2


def read_photoshop(resources: bytes) -> dict[int, list[str]]:
    """Application datasets by number, from a block of Photoshop resources."""
    at = 0
    while resources[at : at + 4] == _RESOURCE and at + 12 <= len(resources):
        kind = int.from_bytes(resources[at + 4 : at + 6], "big")
        at += 6 + (resources[at + 6] // 2 + 1) * 2  # name: Pascal string padded to even length
        size = int.from_bytes(resources[at : at + 4], "big")
        if kind == _IPTC_RESOURCE:
            return read_iptc(resources[at + 4 : at + 4 + size])
        at += 4 + size + size % 2
    return {}


def read_iptc(records: bytes) -> dict[int, list[str]]:
    """Application datasets by number; what follows damage is dropped."""
    found: dict[int, list[str]] = {}
    for record, dataset, value in _datasets(records):
        if record == _APPLICATION_RECORD:
            found.setdefault(dataset, []).append(decode_bytes(value))
    return found


def _datasets(records: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 5 <= len(records) and records[at] == 0x1C:
        record, dataset = records[at + 1], records[at + 2]
        size = int.from_bytes(records[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:  # extended dataset: the length of the length
            width = size & 0x7FFF
            size = int.from_bytes(records[at : at + width], "big")
            at += width
        yield record, dataset, records[at : at + size]
        at += size
