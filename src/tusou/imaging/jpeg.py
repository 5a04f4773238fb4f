"""Read the markers of a JPEG file without decoding it: size, components, scans, profile, metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tusou.errors import DecodeError

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PLAIN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive Huffman
_PROGRESSIVE = 0xC2
_SCAN = 0xDA
_END = 0xD9
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MOST_STEPS = 20_000  # segments and pieces of garbage between them
_MOST_PHOTOSHOP_BYTES = 4 * 1024 * 1024
_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_ADOBE = b"Adobe"


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What stands before the first scan of a JPEG file.

    Attributes:
        width: Pixels, as stored (before orientation).
        height: Pixels, as stored.
        components: 1 grey, 3 colour, 4 CMYK or YCCK.
        plain: 8-bit baseline, extended or progressive Huffman: what the fast decoder takes.
        scans: Scans a decoder would go through.
        adobe: An Adobe APP14 segment is present.
        exif: TIFF structure of the EXIF segment; empty when there is none.
        xmp: XMP packet.
        photoshop: Photoshop resources, IPTC among them.
        profile: ICC profile.
        quantizer: Luminance quantisation table, 64 steps in zigzag order; empty when missing.
    """

    width: int
    height: int
    components: int
    plain: bool
    scans: int
    adobe: bool
    exif: bytes
    xmp: bytes
    photoshop: bytes
    profile: bytes
    quantizer: tuple[int, ...]


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Walk the segments up to the first scan.

    Raises:
        DecodeError: The file ends, or the scan begins, before a frame header was seen.
    """
    frame: tuple[int, bytes] | None = None
    sections: dict[bytes, bytes] = {}
    chunks: dict[int, bytes] = {}
    tables: dict[int, tuple[int, ...]] = {}
    scan_at = len(data)
    for marker, start, end in _segments(data):
        body = data[start:end]
        if marker == _SCAN:
            scan_at = start - 4
            break
        if marker in _FRAME_MARKERS and frame is None:
            frame = (marker, body)
        elif marker == 0xDB:
            tables.update(_quantizers(body))
        elif marker == 0xE2 and body.startswith(_ICC):
            chunks[body[12] if len(body) > 12 else 0] = body[14:]
        elif 0xE1 <= marker <= 0xEE:
            _keep_section(sections, body)
    if frame is None or len(frame[1]) < 6:
        raise DecodeError("the JPEG ends before its picture begins; deliver it again", reason="truncated")
    marker, body = frame
    return JpegHeader(
        width=int.from_bytes(body[3:5], "big"),
        height=int.from_bytes(body[1:3], "big"),
        components=body[5],
        plain=marker in _PLAIN_FRAMES and body[0] == 8,
        scans=_count_scans(data, scan_at, marker, body[5]),
        adobe=_ADOBE in sections,
        exif=sections.get(_EXIF, b""),
        xmp=sections.get(_XMP, b""),
        photoshop=sections.get(_PHOTOSHOP, b""),
        profile=b"".join(chunks[key] for key in sorted(chunks)),
        quantizer=tables.get(body[8] if len(body) > 8 else 0, ()),
    )


def _keep_section(sections: dict[bytes, bytes], body: bytes) -> None:
    """Keep an application segment that is known: the first of its kind, or all parts of Photoshop's."""
    name = next((name for name in (_EXIF, _XMP, _PHOTOSHOP, _ADOBE) if body.startswith(name)), b"")
    before = sections.get(name, b"")
    if name and (not before or (name == _PHOTOSHOP and len(before) < _MOST_PHOTOSHOP_BYTES)):
        sections[name] = before + body[len(name) :]


def _count_scans(data: bytes, first: int, frame: int, components: int) -> int:
    """Scan markers from the first one on.

    A sequential picture whose first scan holds all components is complete after it and decoders stop there,
    so that the bytes behind it need no search (3 ms for those of 12 megapixels).
    """
    in_scan = data[first + 4] if first + 4 < len(data) else 0
    if frame != _PROGRESSIVE and in_scan == components:
        return 1
    return data.count(b"\xff\xda", first)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of the segment bodies; ends behind the first scan header."""
    at = 2
    for _ in range(_MOST_STEPS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _END:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            at += 2
            continue
        yield marker, at + 4, at + 2 + length
        if marker == _SCAN:
            return
        at += 2 + length


def _quantizers(body: bytes) -> dict[int, tuple[int, ...]]:
    """Read the tables of a DQT segment by their number."""
    tables: dict[int, tuple[int, ...]] = {}
    at = 0
    while at < len(body):
        size = 2 if body[at] >> 4 else 1
        steps = body[at + 1 : at + 1 + 64 * size]
        if len(steps) == 64 * size:
            tables[body[at] & 15] = tuple(steps[::size]) if size == 1 else _words(steps)
        at += 1 + 64 * size
    return tables


def _words(steps: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(steps[i : i + 2], "big") for i in range(0, len(steps), 2))
