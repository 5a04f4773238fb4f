"""What files say about themselves: every source, both languages, and every kind of damage."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pictures import encoded, iptc_resources, photo, with_segment
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tusou.imaging.embedded import MAX_BLOCK_BYTES, iso_date, read_embedded
from tusou.imaging.metatext import decode_bytes
from tusou.types import Metadata

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
  xmlns:cc="http://creativecommons.org/ns#" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"
  photoshop:Credit="Agency" photoshop:DateCreated="2024-05-17T10:30:00+08:00">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Snow mountain</rdf:li>
  <rdf:li xml:lang="zh-CN">雪山</rdf:li><rdf:li xml:lang="en-US">Snowy mountain</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">日出时的山峰</rdf:li></rdf:Alt></dc:description>
<dc:subject><rdf:Bag><rdf:li>snow</rdf:li><rdf:li>山</rdf:li><rdf:li>snow</rdf:li></rdf:Bag></dc:subject>
<dc:creator><rdf:Seq><rdf:li>Li Lei</rdf:li><rdf:li>Han Meimei</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© 2024 Li Lei</rdf:li></rdf:Alt></dc:rights>
<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>
<xmpRights:UsageTerms>Name the author</xmpRights:UsageTerms>
<plus:ModelReleaseStatus>http://ns.useplus.org/ldf/vocab/MR-UMR</plus:ModelReleaseStatus>
<dc:source>https://example.org/photo/1</dc:source>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
JPEG = encoded(photo(32, 24))


def with_xmp(packet: str) -> bytes:
    return with_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode())


def test_xmp_of_a_jpeg() -> None:
    metadata, warnings = read_embedded(with_xmp(XMP))
    assert warnings == ()
    assert metadata == Metadata(
        title_en="Snowy mountain",
        title_zh="雪山",
        description_zh="日出时的山峰",
        keywords_en=("snow",),
        keywords_zh=("山",),
        creator="Li Lei, Han Meimei",
        credit="Agency",
        copyright="© 2024 Li Lei",
        license_url="https://creativecommons.org/licenses/by/4.0/",
        usage_terms="Name the author",
        model_release="MR-UMR",
        source_url="https://example.org/photo/1",
        created="2024-05-17T10:30:00+08:00",
    )


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp_of_other_formats(image_format: str) -> None:
    if image_format == "PNG":
        texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", XMP)
        data = encoded(photo(32, 24), "PNG", pnginfo=texts)
    elif image_format == "TIFF":
        data = encoded(photo(32, 24), "TIFF", tiffinfo={700: XMP.encode()})
    else:
        data = encoded(photo(32, 24), image_format, xmp=XMP.encode())
    assert read_embedded(data)[0].title_zh == "雪山"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_iptc_in_the_encodings_chinese_files_use(encoding: str) -> None:
    datasets = [
        (5, "雪山".encode(encoding)),
        (120, "山顶的日出".encode(encoding)),
        (25, "山".encode(encoding)),
        (25, b"snow"),
        (80, b"Li Lei"),
        (110, b"Agency"),
        (116, "版权所有".encode(encoding)),
        (55, b"20240517"),
        (60, b"103000+0800"),
    ]
    metadata, warnings = read_embedded(with_segment(JPEG, 0xED, iptc_resources(datasets)))
    assert warnings == ()
    assert metadata == Metadata(
        title_zh="雪山",
        description_zh="山顶的日出",
        keywords_zh=("山",),
        keywords_en=("snow",),
        creator="Li Lei",
        credit="Agency",
        copyright="版权所有",
        created="2024-05-17T10:30:00+08:00",
    )


def exif_of(tags: Mapping[int, object], taken: str = "") -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    return exif.tobytes()


def test_exif_with_windows_tags() -> None:
    tags = {
        0x010E: "SONY DSC",
        0x013B: "Li Lei",
        0x8298: "(c) Li",
        0x9C9B: "雪山\0".encode("utf-16-le"),
        0x9C9E: "snow; 山\0".encode("utf-16-le"),
    }
    for image_format in ("JPEG", "PNG", "WEBP"):
        data = encoded(photo(32, 24), image_format, exif=exif_of(tags, "2024:05:17 10:30:00"))
        metadata, warnings = read_embedded(data)
        assert warnings == ()
        assert metadata == Metadata(
            title_zh="雪山",
            keywords_en=("snow",),
            keywords_zh=("山",),
            creator="Li Lei",
            copyright="(c) Li",
            created="2024-05-17T10:30:00",
        )


def test_png_text() -> None:
    texts = PngInfo()
    texts.add_text("Title", "A red car")
    texts.add_text("Author", "Li Lei")
    texts.add_itxt("Description", "一辆红色的汽车")
    metadata, _ = read_embedded(encoded(photo(32, 24), "PNG", pnginfo=texts))
    assert metadata == Metadata(title_en="A red car", creator="Li Lei", description_zh="一辆红色的汽车")


def test_xmp_goes_before_iptc_and_exif() -> None:
    data = encoded(photo(32, 24), exif=exif_of({0x013B: "exif"}), xmp=XMP.encode())
    data = with_segment(data, 0xED, iptc_resources([(80, b"iptc"), (5, b"iptc title")]))
    metadata, _ = read_embedded(data)
    assert metadata.creator == "Li Lei, Han Meimei"
    assert metadata.title_en == "Snowy mountain"


@pytest.mark.parametrize(
    ("data", "warnings"),
    [
        (with_xmp("<x:xmpmeta><unclosed"), ("broken_xmp",)),
        (with_xmp('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), ("broken_xmp",)),
        (with_xmp(""), ()),
        (with_segment(JPEG, 0xE1, b"Exif\0\0" + b"\xff" * 40), ("broken_exif",)),
        (with_segment(JPEG, 0xED, b"Photoshop 3.0\0" + b"\xff" * 40), ()),
        (with_segment(JPEG, 0xED, iptc_resources([(5, b"x")])[:-3]), ()),
        (JPEG, ()),
        (b"", ()),
        (b"no image", ()),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, ("broken_metadata",)),
    ],
)
def test_damage_never_raises(data: bytes, warnings: tuple[str, ...]) -> None:
    assert read_embedded(data)[1] == warnings


def test_oversized_blocks_are_dropped() -> None:
    packet = XMP.replace("Name the author", "x" * MAX_BLOCK_BYTES)
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet)
    metadata, warnings = read_embedded(encoded(photo(32, 24), "PNG", pnginfo=texts))
    assert metadata.title_en == ""
    assert "xmp_too_large" in warnings


def test_any_cut_and_any_flipped_byte_is_survived() -> None:
    data = encoded(photo(32, 24), exif=exif_of({0x013B: "Li"}, "2024:05:17 10:30:00"), xmp=XMP.encode())
    data = with_segment(data, 0xED, iptc_resources([(80, b"iptc"), (5, b"title")]))
    for at in range(0, min(len(data), 3000), 7):
        read_embedded(data[:at])
        read_embedded(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])


def test_unprintable_characters_are_dropped() -> None:
    metadata, _ = read_embedded(
        with_segment(JPEG, 0xED, iptc_resources([(5, "a\u202eb\u200bc\x07d".encode())]))
    )
    assert metadata.title_en == "abcd"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        ("Привет".encode(), "Привет"),
        ("naïve über".encode(), "naïve über"),
        ("中文 café".encode(), "中文 café"),
        ("联通".encode("gbk"), "联通"),
        ("雪山".encode("gbk"), "雪山"),
        (b"\xef\xbb\xbfx", "x"),
        (b"x\0\0", "x"),
    ],
)
def test_bytes_of_unstated_encoding(raw: bytes, text: str) -> None:
    assert decode_bytes(raw) == text


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024:05:17 10:30:00", "2024-05-17T10:30:00"),
        ("20240517", "2024-05-17"),
        ("20240517 103000+0800", "2024-05-17T10:30:00+08:00"),
        ("2024-05", "2024-05"),
        ("2024", "2024"),
        ("0000:00:00 00:00:00", ""),
        ("    :  :     :  :  ", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_dates(text: str, date: str) -> None:
    assert iso_date(text) == date
