"""Rights written into files are read back by our own reader and by Pillow, and the pixels stay."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pictures import photo
from PIL import Image

from tusou.imaging.embedded import read_embedded
from tusou.imaging.limits import Limits
from tusou.imaging.rendition import RenditionFormat, render
from tusou.imaging.rights_packet import LARGEST_JPEG_BLOCK, RightsFields, embed_packet, xmp_packet

FIELDS = RightsFields(
    title_en="Snow & <mountain>", title_zh="雪山", description_zh="清晨", keywords=("snow", "雪山"),
    creator="林 Ada", credit="Acme / Lin", copyright="© 2024 Lin", usage_terms="Web only",
    license_url="https://example.org/l", source="https://example.org/p", supplier="Acme", supplier_id="A-1",
    license_id="g1", project="Spring\x00 \x1b[1m",
)  # fmt: skip


def encoded(image_format: str, **options: Any) -> bytes:
    out = BytesIO()
    Image.fromarray(photo()).save(out, image_format.upper(), **options)
    return out.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_what_is_written_is_read_back(image_format: str) -> None:
    plain = encoded(image_format)
    data = embed_packet(plain, image_format, xmp_packet(FIELDS))
    metadata, warnings = read_embedded(data)
    assert warnings == ()
    assert (metadata.title_en, metadata.title_zh) == ("Snow & <mountain>", "雪山")
    assert metadata.creator == "林 Ada"
    assert metadata.credit == "Acme / Lin"
    assert metadata.copyright == "© 2024 Lin"
    assert metadata.license_url == "https://example.org/l"
    assert metadata.source_url == "https://example.org/p"
    assert (metadata.keywords_en, metadata.keywords_zh) == (("snow",), ("雪山",))
    assert (pixels(data) == pixels(plain)).all()
    assert b"plus:LicenseID>g1<" in data


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_a_packet_takes_the_place_of_the_one_before(image_format: str) -> None:
    once = embed_packet(encoded(image_format), image_format, xmp_packet(FIELDS))
    again = embed_packet(once, image_format, xmp_packet(RightsFields(title_en="Other")))
    assert again.count(b"W5M0MpCehiHzreSzNTczkc9d") == 1
    assert read_embedded(again)[0].title_en == "Other"
    assert read_embedded(again)[0].creator == ""


def test_exif_and_profile_of_an_original_stay() -> None:
    exif = Image.Exif()
    exif[0x013B] = "Somebody"
    profile = b"profile" * 20
    data = embed_packet(encoded("jpeg", exif=exif, icc_profile=profile), "jpeg", xmp_packet(FIELDS))
    opened = Image.open(BytesIO(data))
    assert opened.getexif()[0x013B] == "Somebody"
    assert opened.info["icc_profile"] == profile
    assert opened.getxmp()


def test_other_formats_and_broken_files_come_back_as_they_are() -> None:
    packet = xmp_packet(FIELDS)
    for image_format, data in (("webp", encoded("webp")), ("gif", encoded("gif")), ("png", b"not a png")):
        assert embed_packet(data, image_format, packet) == data
    cut = encoded("png")[:60]
    assert embed_packet(cut, "png", packet).startswith(cut[:8])
    huge = xmp_packet(RightsFields(description_en="x" * LARGEST_JPEG_BLOCK))
    assert embed_packet(encoded("jpeg"), "jpeg", huge) == encoded("jpeg")


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_a_rendition_has_the_size_and_format_asked_for(image_format: RenditionFormat) -> None:
    data = render(encoded("png"), Limits(), 100, image_format)
    opened = Image.open(BytesIO(data))
    assert (opened.format or "").lower() == image_format
    assert max(opened.size) == 100
    assert max(Image.open(BytesIO(render(encoded("png"), Limits(), 9999, image_format))).size) == 320
