"""Every kind of picture file, good and bad, through decode."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from pictures import (
    encoded,
    jpeg_with_size,
    photo,
    png_chunk,
    png_flood,
    scan_bomb,
    with_segment,
    without_segment,
)
from PIL import Image, ImageCms, ImageOps

from tusou.errors import DecodeError, ImageTooLarge, UnsupportedFormat
from tusou.imaging.color import MAX_PROFILE_BYTES
from tusou.imaging.decode import WORKING_SIDE, DecodedImage, decode
from tusou.imaging.limits import Limits
from tusou.types import Pixels

LIMITS = Limits()


def refusal(data: bytes, limits: Limits = LIMITS) -> tuple[type[DecodeError], str]:
    with pytest.raises(DecodeError) as caught:
        decode(data, limits)
    return type(caught.value), caught.value.reason


def difference(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference in grey levels; a large one when shapes differ."""
    if one.shape != other.shape:
        return 255.0
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("size", [(320, 240), (1100, 500), (500, 1100), (1, 1), (3, 900)])
def test_every_format_and_shape(image_format: str, size: tuple[int, int]) -> None:
    pixels = photo(*size)
    image = decode(encoded(pixels, image_format), LIMITS)
    assert (image.format, image.width, image.height, image.frames) == (image_format.lower(), *size, 1)
    assert image.warnings == ()
    height, width = image.pixels.shape[:2]
    assert max(height, width) <= WORKING_SIDE
    assert max(height, width) >= min(max(size), 0.9 * WORKING_SIDE)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.5 if min(size) < 10 else 0.02)
    small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    assert difference(image.pixels, small) < (12 if image_format == "GIF" else 8)


def test_a_wanted_side_is_kept() -> None:
    for image_format in ("JPEG", "PNG"):
        image = decode(encoded(photo(1100, 700), image_format), LIMITS, 800)
        assert 750 <= image.pixels.shape[1] <= 800
        assert image.width == 1100


@pytest.mark.parametrize(
    ("size", "scaled"), [((959, 600), True), ((958, 600), False), ((600, 961), True), ((500, 100), False)]
)
def test_a_jpeg_is_decoded_at_half_size_or_whole(size: tuple[int, int], scaled: bool) -> None:
    """Scales between, such as 5/8, take longer than the whole; only the whole has block borders to see."""
    assert (decode(encoded(photo(*size)), LIMITS).sample is None) is scaled


def test_progressive_and_grey_jpeg() -> None:
    pixels = photo(900, 600)
    progressive = decode(encoded(pixels, progressive=True), LIMITS)
    assert difference(progressive.pixels, decode(encoded(pixels), LIMITS).pixels) < 2
    grey = decode(encoded(Image.fromarray(pixels).convert("L")), LIMITS)
    assert grey.pixels.shape[2] == 3
    assert int(np.ptp(grey.pixels, axis=2).max()) == 0


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_come_out_upright(image_format: str, orientation: int) -> None:
    """The file is turned so that its orientation tag turns it back."""
    upright = Image.fromarray(photo(360, 200))
    tag = Image.Exif()
    tag[0x0112] = orientation
    undo = {6: 8, 8: 6}.get(orientation, orientation)
    turned = upright.copy()
    turned.getexif()[0x0112] = undo
    stored = ImageOps.exif_transpose(turned)
    if image_format == "TIFF":
        data = encoded(stored, "TIFF", tiffinfo={0x0112: orientation})
    else:
        data = encoded(stored, image_format, exif=tag.tobytes(), quality=95)
    image = decode(data, LIMITS)
    assert (image.width, image.height) == (360, 200)
    assert image.pixels.shape == (200, 360, 3)
    assert difference(image.pixels, np.asarray(upright)) < 8


def test_orientation_of_scaled_and_of_damaged_jpegs() -> None:
    """The scaled decoder and Pillow's fallback turn alike."""
    tag = Image.Exif()
    tag[0x0112] = 6
    data = encoded(photo(1200, 700), exif=tag.tobytes())
    damaged = data[:-2] + b"\0\0junk\xff\xd9"
    one, other = decode(data, LIMITS), decode(damaged, LIMITS)
    assert (one.width, one.height) == (other.width, other.height) == (700, 1200)
    assert one.pixels.shape[0] > one.pixels.shape[1]


def with_profile(pixels: Pixels, profile: bytes, mode: str = "RGB") -> bytes:
    return encoded(Image.fromarray(pixels).convert(mode), quality=95, icc_profile=profile)


def swapped_profile() -> bytes:
    """An RGB profile that is visibly not sRGB: its red and blue primaries change places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * index
        name = bytes(profile[entry : entry + 4])
        if name in (b"rXYZ", b"bXYZ"):
            profile[entry : entry + 4] = b"bXYZ" if name == b"rXYZ" else b"rXYZ"
        elif name == b"desc":
            at = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            size = int.from_bytes(profile[entry + 8 : entry + 12], "big")
            text = bytes(profile[at : at + size])
            profile[at : at + size] = text.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    return bytes(profile)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_profile_is_applied(image_format: str) -> None:
    red = np.full((64, 64, 3), (200, 10, 10), np.uint8)
    image = Image.fromarray(red)
    data = encoded(image, image_format, icc_profile=swapped_profile())
    image_ = decode(data, LIMITS)
    assert image_.warnings == ()
    assert image_.pixels[32, 32, 2] > 180 > 60 > image_.pixels[32, 32, 0]


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = decode(encoded(photo(), quality=95), LIMITS)
    tagged = decode(with_profile(photo(), profile), LIMITS)
    assert np.array_equal(plain.pixels, tagged.pixels)


@pytest.mark.parametrize(
    ("profile", "warning"),
    [
        (b"no profile at all", "bad_icc_profile"),
        (ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(), "bad_icc_profile"),
        (swapped_profile() + bytes(MAX_PROFILE_BYTES), "icc_profile_too_large"),
    ],
    ids=["damaged", "other colour model", "huge"],
)
def test_an_unusable_profile_is_dropped_with_a_warning(profile: bytes, warning: str) -> None:
    image = decode(with_profile(photo(), profile), LIMITS)
    assert image.warnings == (warning,)
    assert difference(image.pixels, photo()) < 5


def test_cmyk_with_and_without_adobe_marker() -> None:
    """An Adobe CMYK JPEG holds inverted inks, one without the marker does not."""
    cmyk = Image.fromarray(photo()).convert("CMYK")
    adobe = encoded(cmyk, quality=95)
    plain = without_segment(encoded(Image.fromarray(255 - np.asarray(cmyk), "CMYK"), quality=95), 0xEE)
    for data in (adobe, plain):
        image = decode(data, LIMITS)
        assert difference(image.pixels, photo()) < 5
    assert difference(decode(encoded(cmyk, "TIFF"), LIMITS).pixels, photo()) < 2


def grey_levels(mode: str) -> Image.Image:
    """A horizontal ramp from black to white in a deep mode."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(32, axis=0)
    if mode == "F":
        return Image.fromarray(ramp)
    return Image.fromarray((ramp * 65535).astype(np.uint16 if mode == "I;16" else np.int32))


@pytest.mark.parametrize(
    ("mode", "image_format"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I", "TIFF"), ("F", "TIFF")]
)
def test_deep_grey_keeps_its_range(mode: str, image_format: str) -> None:
    pixels = decode(encoded(grey_levels(mode), image_format), LIMITS).pixels
    assert np.abs(pixels[16, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_float_samples_with_nan_and_infinity() -> None:
    values = np.array([[0.0, 0.5, 1.0, np.nan, np.inf, -np.inf]], np.float32).repeat(8, axis=0)
    pixels = decode(encoded(Image.fromarray(values), "TIFF"), LIMITS).pixels
    assert pixels[0, :3, 0].tolist() == [0, 128, 255]


def test_sixteen_bit_color_png() -> None:
    rows = np.repeat(photo(32, 24).astype(">u2") * 257, 1, axis=0)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 32, 24, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    assert difference(decode(data, LIMITS).pixels, photo(32, 24)) <= 1


def test_one_bit_palette_and_lab() -> None:
    image = Image.fromarray(photo())
    bits = decode(encoded(image.convert("1"), "PNG"), LIMITS).pixels
    assert set(np.unique(bits)) == {0, 255}
    palette = decode(encoded(image.quantize(64), "PNG"), LIMITS).pixels
    assert difference(palette, photo()) < 12
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(image, to_lab)
    assert lab is not None
    assert difference(decode(encoded(lab, "TIFF"), LIMITS).pixels, photo()) < 4


def transparent(mode: str) -> Image.Image:
    """Red, opaque on the left, invisible on the right."""
    image = Image.new("RGBA", (64, 32), (220, 0, 0, 255))
    image.paste((0, 0, 0, 0), (32, 0, 64, 32))
    if mode == "P":
        return image.quantize(4)
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "image_format"),
    [
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "WEBP"),
        ("RGBA", "GIF"),
        ("RGBA", "TIFF"),
        ("RGBA", "AVIF"),
    ],
)
def test_transparency_becomes_white(mode: str, image_format: str) -> None:
    options = {"lossless": True} if image_format == "WEBP" else {}
    image = decode(encoded(transparent(mode), image_format, **options), LIMITS)
    assert image.pixels[16, 50].min() >= 250
    assert image.pixels[16, 10].max() < 240
    assert image.visible is not None
    assert image.visible[16, 10]
    assert not image.visible[16, 50]


def test_a_large_transparent_picture_has_no_dark_fringe() -> None:
    image = Image.new("RGBA", (1500, 1000), (255, 255, 255, 255))
    image.paste((0, 0, 0, 0), (700, 0, 1500, 1000))
    assert decode(encoded(image, "PNG"), LIMITS).pixels.min() >= 254


def test_png_color_key() -> None:
    data = encoded(Image.fromarray(np.full((8, 8, 3), 9, np.uint8)), "PNG", transparency=(9, 9, 9))
    assert decode(data, LIMITS).pixels.min() == 255


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_that_is_not_blank(image_format: str) -> None:
    blank = Image.new("RGB", (64, 48), "white")
    frames = [blank, Image.fromarray(photo(64, 48, seed=1)), Image.fromarray(photo(64, 48, seed=2))]
    data = encoded(frames[0], image_format, save_all=True, append_images=frames[1:], duration=50)
    image = decode(data, LIMITS)
    assert image.frames == 3
    assert difference(image.pixels, photo(64, 48, seed=1)) < 15


def test_an_animation_of_blanks_is_still_a_picture() -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("white", "black", "white")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data, LIMITS).pixels.min() == 255


def test_too_many_frames() -> None:
    frames = [Image.new("L", (4, 4), level) for level in range(10)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert refusal(data, Limits(max_frames=9)) == (ImageTooLarge, "too_many_frames")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(image_format: str, share: float) -> None:
    data = encoded(photo(400, 300), image_format)
    kind, reason = refusal(data[: int(len(data) * share)])
    assert kind is DecodeError
    assert reason == "truncated"


def test_a_cut_jpeg_with_an_end_marker_is_refused() -> None:
    """Pillow and browsers would fill the rest with grey."""
    data = encoded(photo(800, 600))
    assert refusal(data[: len(data) // 2] + b"\xff\xd9") == (DecodeError, "truncated")


def test_a_jpeg_that_only_lacks_its_end_marker_is_whole() -> None:
    data = encoded(photo(400, 300))
    assert difference(decode(data[:-2], LIMITS).pixels, decode(data, LIMITS).pixels) < 1


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_any_cut_raises_nothing_but_decode_errors(image_format: str) -> None:
    data = encoded(photo(48, 32), image_format)
    for length in range(0, len(data), max(1, len(data) // 97)):
        with suppress(DecodeError):
            decode(data[:length], LIMITS)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_flipped_bytes_raise_nothing_but_decode_errors(image_format: str) -> None:
    data = bytearray(encoded(photo(48, 32), image_format))
    random = np.random.default_rng(7)
    for _ in range(60):
        damaged = data.copy()
        for at in random.integers(0, len(data), 4):
            damaged[at] = int(random.integers(0, 256))
        with suppress(DecodeError):
            decode(bytes(damaged), Limits(max_pixels=4_000_000))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (DecodeError, "empty_file")),
        (b"\0" * 100, (UnsupportedFormat, "not_an_image")),
        (b"hello", (UnsupportedFormat, "not_an_image")),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", (UnsupportedFormat, "unsupported_format")),
        (b"%PDF-1.7", (UnsupportedFormat, "unsupported_format")),
        (b"%!PS-Adobe-3.0 EPSF-3.0", (UnsupportedFormat, "unsupported_format")),
        (b"\xff\xd8\xff", (DecodeError, "truncated")),
        (b"\x89PNG\r\n\x1a\n", (DecodeError, "broken_image")),
    ],
)
def test_what_is_no_picture(data: bytes, expected: tuple[type[DecodeError], str]) -> None:
    assert refusal(data) == expected


def test_pixel_floods_are_refused_by_their_header() -> None:
    assert refusal(png_flood(30_000, 30_000)) == (ImageTooLarge, "too_many_pixels")
    assert refusal(jpeg_with_size(encoded(photo(64, 64)), 65_500, 65_500)) == (
        ImageTooLarge,
        "too_many_pixels",
    )
    assert refusal(png_flood(31_000, 10)) == (ImageTooLarge, "too_many_pixels")
    gif = bytearray(encoded(photo(8, 8), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    assert refusal(bytes(gif)) == (ImageTooLarge, "too_many_pixels")


def test_limits_are_the_ones_given() -> None:
    data = encoded(photo(320, 240), "PNG")
    assert refusal(data, Limits(max_pixels=320 * 240 - 1)) == (ImageTooLarge, "too_many_pixels")
    assert refusal(data, Limits(max_side=319)) == (ImageTooLarge, "too_many_pixels")
    assert refusal(data, Limits(max_file_bytes=len(data) - 1)) == (ImageTooLarge, "file_too_large")
    decode(data, Limits(max_pixels=320 * 240, max_side=320, max_file_bytes=len(data)))


def test_a_scan_bomb_is_refused_before_it_is_decoded() -> None:
    assert refusal(scan_bomb(2000)) == (ImageTooLarge, "too_many_scans")
    decode(scan_bomb(20), LIMITS)


def test_scans_behind_a_complete_picture_are_not_decoded() -> None:
    """A sequential JPEG is complete after a first scan that holds everything; decoders refuse the rest."""
    data = encoded(photo(64, 64))
    scan = data[data.index(b"\xff\xda") : -2]
    assert refusal(data[:-2] + scan * 5000 + data[-2:]) == (DecodeError, "broken_image")


def test_broken_and_huge_exif_cost_nothing_but_a_warning() -> None:
    plain = encoded(photo())
    broken = decode(with_segment(plain, 0xE1, b"Exif\0\0" + b"\xff" * 60), LIMITS)
    assert broken.warnings == ("broken_exif",)
    assert np.array_equal(broken.pixels, decode(plain, LIMITS).pixels)
    huge = plain
    for _ in range(30):
        huge = with_segment(huge, 0xE1, b"Exif\0\0" + b"\0" * 65_000)
    assert difference(decode(huge, LIMITS).pixels, decode(plain, LIMITS).pixels) == 0


@pytest.mark.parametrize(
    "tail", [b"<?php system($_GET['c']); ?>", b"PK\x03\x04zip", b"<script>alert(1)</script>"]
)
def test_polyglots_are_pictures_with_something_behind(tail: bytes) -> None:
    for image_format in ("JPEG", "PNG", "GIF"):
        data = encoded(photo(), image_format)
        assert difference(decode(data + tail, LIMITS).pixels, decode(data, LIMITS).pixels) < 1


def test_a_script_in_a_comment_is_a_picture() -> None:
    data = with_segment(encoded(photo()), 0xFE, b"<?php evil(); ?>*/=1;alert(1)//")
    assert decode(data, LIMITS).format == "jpeg"


def test_a_zip_in_front_is_no_picture() -> None:
    assert refusal(b"PK\x03\x04" + encoded(photo())) == (UnsupportedFormat, "unsupported_format")


def test_a_huge_text_chunk_is_refused() -> None:
    data = encoded(photo(8, 8), "PNG")
    chunk = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 1))
    assert refusal(data[:33] + chunk + data[33:])[0] is DecodeError


def test_the_sample_is_aligned_to_the_block_grid() -> None:
    pixels = photo(1250, 1100)
    image: DecodedImage = decode(encoded(pixels, "BMP"), LIMITS)
    assert image.sample is not None
    assert image.sample.shape == (1024, 1024)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    assert difference(image.sample[:, :, None], grey[32 : 32 + 1024, 112 : 112 + 1024, None]) < 1
    assert decode(encoded(pixels), LIMITS).sample is None
