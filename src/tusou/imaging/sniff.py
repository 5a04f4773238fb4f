"""Tell the format of a file from its first bytes; only formats on the allow-list reach a decoder."""

from __future__ import annotations

from pathlib import PurePath

from tusou.errors import DecodeError, UnsupportedFormat

EXTENSIONS: dict[str, frozenset[str]] = {
    "jpeg": frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"}),
    "png": frozenset({".png", ".apng"}),
    "webp": frozenset({".webp"}),
    "gif": frozenset({".gif"}),
    "tiff": frozenset({".tif", ".tiff"}),
    "bmp": frozenset({".bmp", ".dib"}),
    "avif": frozenset({".avif", ".avifs"}),
}
"""The allow-list: format to the file-name endings it usually has."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\x01\0", "ICO"),
    (b"\0\0\x02\0", "CUR"),
    (b"icns", "ICNS"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"PK\x03\x04", "ZIP"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})


def sniff(data: bytes) -> str:
    """Name the format of an image file.

    Args:
        data: The file, or at least its first 64 bytes.

    Returns:
        A key of EXTENSIONS.

    Raises:
        DecodeError: The file is empty (``empty_file``).
        UnsupportedFormat: A known format that is not accepted (``unsupported_format``), or bytes that are
            no image at all (``not_an_image``).
    """
    if not data:
        raise DecodeError("the file is empty; deliver it again", reason="empty_file")
    known = _known(data)
    if known in EXTENSIONS:
        return known
    accepted = ", ".join(EXTENSIONS)
    if known:
        raise UnsupportedFormat(f"{known} files are not accepted; convert it to one of: {accepted}")
    raise UnsupportedFormat(
        f"the bytes are no picture of a known format (they begin {bytes(data[:8])!r}); expected: {accepted}",
        reason="not_an_image",
    )


def is_cut_short(data: bytes, image_format: str) -> bool:
    """Whether a container announces more bytes than there are (WebP and AVIF; others are found out later)."""
    if image_format == "webp":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if image_format != "avif":
        return False
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:  # the size follows in 64 bits
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: up to the end of the file
            return False
        at += size
    return at > len(data)


def _known(data: bytes) -> str:
    """A key of EXTENSIONS, the name of a format that is refused, or an empty string."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and len(data) >= 18 and data[15:18] == b"\0\0\0" and data[14] >= 12:
        return "bmp"  # two letters are weak magic: the size of the second header must make sense too
    if data[4:8] == b"ftyp":
        return _media_brand(data)
    for magic, name in _REFUSED:
        if data.startswith(magic):
            return name
    return _markup(data)


def _media_brand(data: bytes) -> str:
    """Tell AVIF from HEIF and from video by the brands of an ISO media file."""
    length = min(int.from_bytes(data[:4], "big"), 256, len(data))
    brands = {bytes(data[8:12]), *(bytes(data[i : i + 4]) for i in range(16, length - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    return "HEIF" if brands & _HEIF_BRANDS else "ISO media (video)"


def _markup(data: bytes) -> str:
    """Tell SVG and HTML, which may begin with a byte-order mark, spaces, comments or an XML declaration."""
    head = (
        bytes(data[:1024])
        .removeprefix(b"\xef\xbb\xbf")
        .replace(b"\0", b"")
        .lstrip(b"\xff\xfe \t\r\n")
        .lower()
    )
    if not head.startswith(b"<"):
        return ""
    if b"<svg" in head:
        return "SVG"
    if b"<html" in head or b"<!doctype html" in head:
        return "HTML"
    return "XML"


def name_warnings(name: str, image_format: str) -> tuple[str, ...]:
    """Warn (``extension_mismatch``) when a file's name promises another format than its bytes hold.

    Args:
        name: File name; one without an ending promises nothing.
        image_format: What ``sniff`` found.
    """
    suffix = PurePath(name).suffix.lower()
    if not suffix or suffix in EXTENSIONS[image_format]:
        return ()
    return ("extension_mismatch",)
