"""One call gives everything imaging knows, the same every time."""

from __future__ import annotations

import hashlib
from io import BytesIO

import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image

from tusou.config import load_config
from tusou.errors import DecodeError
from tusou.imaging.analyze import analyze_image
from tusou.imaging.limits import Limits
from tusou.imaging.sniff import EXTENSIONS, name_warnings, sniff


def test_an_analysis_is_complete_and_repeatable() -> None:
    data = encoded(photo(1600, 1067), exif=Image.Exif().tobytes())
    analysis, pixels = analyze_image(data, Limits(), name="Photo.JPG")
    assert analysis == analyze_image(data, Limits(), name="Photo.JPG")[0]
    assert analysis.sha256 == hashlib.sha256(data).hexdigest()
    assert (analysis.format, analysis.width, analysis.height, analysis.frames) == ("jpeg", 1600, 1067, 1)
    assert len(analysis.fingerprint) == 32
    assert analysis.fingerprint_quality > 50
    assert 20 <= len(analysis.thumb_hash) <= 30
    assert analysis.palette
    assert analysis.warnings == ()
    assert analysis.quality.megapixels == pytest.approx(1.7072)
    assert pixels.shape[2] == 3
    assert 480 <= max(pixels.shape) <= 512


def test_the_thumbnail_is_a_small_jpeg_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    profile = b"not even a profile"
    data = encoded(photo(1600, 1067), exif=exif.tobytes(), icc_profile=profile, comment=b"hello")
    analysis, pixels = analyze_image(data, Limits())
    thumbnail = Image.open(BytesIO(analysis.thumbnail))
    assert thumbnail.format == "JPEG"
    assert thumbnail.size == pixels.shape[1::-1]
    assert set(thumbnail.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert len(analysis.thumbnail) < 80_000
    assert np.abs(np.asarray(thumbnail).astype(int) - pixels).mean() < 5


def test_a_name_that_promises_another_format() -> None:
    data = encoded(photo(), "PNG")
    assert analyze_image(data, Limits(), name="a.jpg")[0].warnings == ("extension_mismatch",)
    assert analyze_image(data, Limits(), name="a.PNG")[0].warnings == ()
    assert name_warnings("no ending", "png") == ()
    assert name_warnings("script.php", "gif") == ("extension_mismatch",)


@pytest.mark.parametrize("image_format", list(EXTENSIONS))
def test_every_format_is_known_by_its_bytes(image_format: str) -> None:
    assert sniff(encoded(photo(16, 16), image_format.upper())[:64]) == image_format


def test_refusals_pass_through() -> None:
    with pytest.raises(DecodeError) as caught:
        analyze_image(b"", Limits())
    assert caught.value.reason == "empty_file"


def test_limits_follow_the_settings() -> None:
    config = load_config(environment={"TUSOU_MAX_PIXELS": "1000", "TUSOU_MAX_SCANS": "5"})
    limits = Limits.from_config(config)
    assert (limits.max_pixels, limits.max_scans) == (1000, 5)
    assert Limits.from_config(load_config(environment={})) == Limits()
