"""Turn the bytes of one image into a small upright sRGB picture, within limits.

Baseline and progressive JPEG go through libjpeg-turbo's scaled decoding; every other format, and what that
decoder refuses, through Pillow. Whatever either of them raises leaves here as a DecodeError with a reason.
"""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, UnidentifiedImageError

from tusou.errors import DecodeError, ImageTooLarge, TusouError
from tusou.imaging.color import flatten_mode, to_srgb
from tusou.imaging.geometry import orientation_of, sample_box, shrink, to_grey, upright, upright_size
from tusou.imaging.jpeg import JpegHeader, read_jpeg_header
from tusou.imaging.limits import Limits
from tusou.imaging.sniff import is_cut_short, sniff
from tusou.types import Mask, Pixels

WORKING_SIDE = 512
"""Longest side of the working picture, in pixels; smaller originals keep their size."""

SCALED_SHARE = 15 / 16
"""Share of the wanted side that a scaled JPEG decode may fall short: 4000 pixels at 1/8 give 500."""

_SCALES = (8, 4, 2)
"""Divisors of the scaled JPEG decode; those between have no vector code: 5/8 takes longer than 8/8."""

_BLANK_FRAMES = 16
_REDUCIBLE = frozenset({"L", "RGB", "RGBA", "CMYK", "LAB", "I", "F"})


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """The working picture of one image and what the file said about itself.

    Attributes:
        pixels: (h, w, 3) uint8 sRGB on white, upright, longest side at most the wanted one.
        visible: (h, w) True where the picture is not transparent; None for an opaque picture.
        width: Upright width of the original, pixels.
        height: Upright height of the original, pixels.
        format: Sniffed format.
        frames: Frames or pages of the file.
        sample: (h, w) uint8 luma or first channel at original resolution, aligned to the 8 x 8 grid, at
            most 1024 x 1024; None when the file was decoded scaled.
        quantizer: Luminance quantisation table of a JPEG in zigzag order; empty otherwise.
        warnings: Codes of what was mended or dropped.
    """

    pixels: Pixels
    visible: Mask | None
    width: int
    height: int
    format: str
    frames: int
    sample: npt.NDArray[np.uint8] | None
    quantizer: tuple[int, ...]
    warnings: tuple[str, ...]


def decode(data: bytes, limits: Limits, side: int = WORKING_SIDE) -> DecodedImage:
    """Decode one image file.

    Args:
        data: The whole file.
        limits: What it may cost; pixels, sides, scans and frames are checked on the header.
        side: Longest side of the result, in pixels; previews ask for more than the working picture.

    Raises:
        DecodeError: ``empty_file``, ``truncated``, ``broken_image`` or ``out_of_memory``.
        UnsupportedFormat: ``unsupported_format`` or ``not_an_image``.
        ImageTooLarge: ``file_too_large``, ``too_many_pixels``, ``too_many_scans`` or ``too_many_frames``.
    """
    if len(data) > limits.max_file_bytes:
        raise ImageTooLarge(
            f"the file has {len(data):,} bytes, more than the {limits.max_file_bytes:,} allowed "
            "(setting max_file_bytes)",
            reason="file_too_large",
        )
    image_format = sniff(data)
    if is_cut_short(data, image_format):
        raise DecodeError(f"the {image_format} is cut short; deliver it again", reason="truncated")
    with _mapped(image_format):
        if image_format == "jpeg":
            return _decode_jpeg(data, limits, side)
        return _decode_with_pillow(data, image_format, limits, side)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse a picture by the size its header announces.

    Raises:
        DecodeError: A side is zero.
        ImageTooLarge: More pixels, or a longer side, than allowed.
    """
    if width < 1 or height < 1:
        raise DecodeError(f"the header announces {width} x {height} pixels; deliver the file again")
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise ImageTooLarge(
            f"the header announces {width} x {height} pixels; at most {limits.max_pixels:,} pixels and "
            f"{limits.max_side:,} a side are allowed (settings max_pixels, max_side)"
        )


@contextmanager
def _mapped(image_format: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a DecodeError with a reason."""
    try:
        yield
    except TusouError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{error} (settings max_pixels, max_side)") from error
    except Exception as error:
        # Decoders raise OSError, ValueError, SyntaxError, KeyError, struct.error and more on damage.
        if isinstance(error, MemoryError) or getattr(error, "code", None) == cv2.Error.StsNoMem:
            message = f"this {image_format} needs more memory than allowed (setting decode_memory_mb)"
            raise DecodeError(message, reason="out_of_memory") from error
        what = str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            what = "its header cannot be read"
        cut = any(words in what.lower() for words in ("truncated", "premature end", "unexpected end"))
        raise DecodeError(
            f"the {image_format} is {'cut short' if cut else 'damaged'} ({what}); deliver it again",
            reason="truncated" if cut else "broken_image",
        ) from error


def _decode_jpeg(data: bytes, limits: Limits, side: int) -> DecodedImage:
    header = read_jpeg_header(data)
    check_size(header.width, header.height, limits)
    if header.scans > limits.max_scans:
        raise ImageTooLarge(
            f"the JPEG holds {header.scans} scans, more than {limits.max_scans} (setting max_scans)",
            reason="too_many_scans",
        )
    if header.plain and header.components in (1, 3):
        try:
            return _decode_jpeg_scaled(data, header, side)
        except ValueError as error:
            if "Premature end of JPEG" in str(error):  # all pixels may be there: add the end and look again
                return _decode_jpeg_scaled(data + b"\xff\xd9", header, side)
            if "premature end of data" in str(error):
                raise  # Pillow would fill what is missing with grey
    decoded = _decode_with_pillow(data, "jpeg", limits, side, header)
    return replace(decoded, quantizer=header.quantizer)


def _decode_jpeg_scaled(data: bytes, header: JpegHeader, side: int) -> DecodedImage:
    """Decode with the scaled inverse DCT, the smallest quick scale that still fills the working picture."""
    mode = "L" if header.components == 1 else "RGB"
    min_width, min_height = _scaled_size(header.width, header.height, round(side * SCALED_SHARE))
    samples = simplejpeg.decode_jpeg(
        data, "GRAY" if mode == "L" else "RGB", min_width=min_width, min_height=min_height
    ).squeeze(axis=2 if mode == "L" else ())
    full = samples.shape[:2] == (header.height, header.width)
    orientation, warnings = _jpeg_orientation(header.exif)
    pixels, color_warnings = to_srgb(shrink(samples, side), mode, header.profile)
    width, height = upright_size(header.width, header.height, orientation)
    return DecodedImage(
        pixels=upright(pixels, orientation),
        visible=None,
        width=width,
        height=height,
        format="jpeg",
        frames=1,
        sample=_sampled(samples) if full else None,
        quantizer=header.quantizer,
        warnings=warnings + color_warnings,
    )


def _scaled_size(width: int, height: int, enough: int) -> tuple[int, int]:
    """Size at the largest divisor that leaves enough on the longer side; the size itself when none does."""
    longer = max(width, height)
    divisor = next((divisor for divisor in _SCALES if -(-longer // divisor) >= enough), 1)
    return -(-width // divisor), -(-height // divisor)


def _sampled(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    left, top, right, bottom = sample_box(samples.shape[1], samples.shape[0])
    return to_grey(samples[top:bottom, left:right])


def _jpeg_orientation(exif: bytes) -> tuple[int, tuple[str, ...]]:
    if not exif:
        return 1, ()
    tags = Image.Exif()
    try:
        tags.load(b"Exif\0\0" + exif)
        return orientation_of(tags), ()
    except Exception:  # noqa: BLE001 - Pillow raises anything on damaged EXIF, which must not cost the image
        return 1, ("broken_exif",)


def _decode_with_pillow(
    data: bytes, image_format: str, limits: Limits, side: int, header: JpegHeader | None = None
) -> DecodedImage:
    with python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always")
        Image.MAX_IMAGE_PIXELS = limits.max_pixels  # Pillow's own guard, for the frames it opens by itself
        with Image.open(BytesIO(data), formats=[image_format.upper()]) as image:
            decoded = _decode_opened(image, image_format, limits, side, header)
    return replace(decoded, warnings=_codes(caught) + decoded.warnings)


def _codes(caught: list[python_warnings.WarningMessage]) -> tuple[str, ...]:
    """Warning codes for what Pillow complained about."""
    text = " ".join(str(warning.message) for warning in caught).lower()
    codes = {"broken_exif": ("exif", "metadata warning", "tag directory"), "broken_data": ("truncated",)}
    return tuple(code for code, words in codes.items() if any(word in text for word in words))


def _decode_opened(
    image: Image.Image, image_format: str, limits: Limits, side: int, header: JpegHeader | None
) -> DecodedImage:
    """Decode an opened file.

    Args:
        image: Opened, not loaded.
        image_format: Its format.
        limits: What it may cost.
        side: Longest side of the result.
        header: Of a JPEG, which is decoded scaled where possible; None for other formats.
    """
    stored = image.size
    check_size(*stored, limits)
    frames = _checked_frames(image, limits) if header is None else 1
    if header is not None:
        image.draft(None, (side, side))
    image.load()
    if header is None:
        stored = image.size  # Pillow turns a TIFF upright while it loads
    orientation, warnings = _pillow_orientation(image)
    profile = image.info.get("icc_profile") or b""
    frame = _first_filled_frame(image, frames)
    sample = _crop_sample(frame) if frame.size == stored else None
    small = _reduced(frame, side)
    samples = np.asarray(small)
    if header is not None and header.components == 4 and not header.adobe:
        samples = 255 - samples  # Pillow takes every CMYK JPEG for Adobe's inverted kind
    pixels, visible, color_warnings = _to_working(samples, small.mode, profile, side)
    width, height = upright_size(*stored, orientation)
    return DecodedImage(
        pixels=upright(pixels, orientation),
        visible=None if visible is None else upright(visible, orientation),
        width=width,
        height=height,
        format=image_format,
        frames=frames,
        sample=sample,
        quantizer=(),
        warnings=warnings + color_warnings,
    )


def _checked_frames(image: Image.Image, limits: Limits) -> int:
    frames = int(getattr(image, "n_frames", 1))
    if frames > limits.max_frames:
        raise ImageTooLarge(
            f"the file holds {frames} frames; at most {limits.max_frames} are allowed",
            reason="too_many_frames",
        )
    return frames


def _pillow_orientation(image: Image.Image) -> tuple[int, tuple[str, ...]]:
    try:
        return orientation_of(image.getexif()), ()
    except Exception:  # noqa: BLE001 - as in _jpeg_orientation
        return 1, ("broken_exif",)


def _first_filled_frame(image: Image.Image, frames: int) -> Image.Image:
    """The first frame that is not of one colour; the first frame when all that are tried are.

    Later frames that are damaged or of another size do not count: one good frame is enough.
    """
    if frames == 1 or not _blank(image):
        return image
    first = image.copy()
    for number in range(1, min(frames, _BLANK_FRAMES)):
        try:
            image.seek(number)
            if image.size == first.size and not _blank(image):
                return image
        except Exception:  # noqa: BLE001 - decoders raise anything on damage
            break
    return first


def _blank(image: Image.Image) -> bool:
    extrema = image.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in bands)


def _crop_sample(frame: Image.Image) -> npt.NDArray[np.uint8]:
    return to_grey(np.asarray(flatten_mode(frame.crop(sample_box(*frame.size)))))


def _reduced(frame: Image.Image, side: int) -> Image.Image:
    """Bring a large frame to about twice the wanted side, averaging whole pixels.

    Done inside Pillow, which holds the frame already: copies of 178 megapixels are what memory runs out on.
    """
    factor = max(frame.size) // (2 * side)
    if factor < 2:
        return flatten_mode(frame)
    if frame.mode in _REDUCIBLE and "transparency" not in frame.info:
        return flatten_mode(frame.reduce(factor))
    return flatten_mode(frame).reduce(factor)


def _to_working(
    samples: npt.NDArray[np.uint8], mode: str, profile: bytes, side: int
) -> tuple[Pixels, Mask | None, tuple[str, ...]]:
    """Shrink, put on white and bring to sRGB."""
    small = shrink(samples, side)
    if mode != "RGBa":
        pixels, warnings = to_srgb(small, mode, profile)
        return pixels, None, warnings
    alpha = small[..., 3]
    # Colours are premultiplied: white shows through by what alpha lacks. Cubic may overshoot alpha a little.
    on_white = np.minimum(small[..., :3], alpha[..., None]) + (255 - alpha[..., None])
    pixels, warnings = to_srgb(on_white, "RGB", profile)
    return pixels, (alpha >= 128) if int(alpha.min()) < 255 else None, warnings
