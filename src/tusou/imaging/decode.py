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
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, UnidentifiedImageError

from tusou.errors import DecodeError, ImageTooLarge, TusouError
from tusou.imaging.color import flatten_mode, to_srgb
from tusou.imaging.jpeg import JpegHeader, read_jpeg_header
from tusou.imaging.limits import Limits
from tusou.imaging.sniff import is_cut_short, sniff
from tusou.types import Mask, Pixels

WORKING_SIDE = 512
"""Longest side of the working picture, in pixels; smaller originals keep their size."""

SCALED_SHARE = 15 / 16
"""Share of the wanted side that a scaled JPEG decode may fall short: 4000 pixels at 1/8 give 500."""

_ORIENTATION = 0x0112
_BLANK_FRAMES = 16
_SAMPLE_SIDE = 1024


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
    """Decode with the scaled inverse DCT, the smallest scale that still fills the working picture."""
    mode = "L" if header.components == 1 else "RGB"
    wide = header.width >= header.height
    enough = round(side * SCALED_SHARE)
    samples = simplejpeg.decode_jpeg(
        data,
        "GRAY" if mode == "L" else "RGB",
        min_width=min(header.width, enough) if wide else 1,
        min_height=1 if wide else min(header.height, enough),
    ).squeeze(axis=2 if mode == "L" else ())
    full = samples.shape[:2] == (header.height, header.width)
    orientation, warnings = _jpeg_orientation(header.exif)
    pixels, color_warnings = to_srgb(_shrink(samples, side), mode, header.profile)
    width, height = _upright_size(header.width, header.height, orientation)
    return DecodedImage(
        pixels=_upright(pixels, orientation),
        visible=None,
        width=width,
        height=height,
        format="jpeg",
        frames=1,
        sample=_sample(samples) if full else None,
        quantizer=header.quantizer,
        warnings=warnings + color_warnings,
    )


def _jpeg_orientation(exif: bytes) -> tuple[int, tuple[str, ...]]:
    if not exif:
        return 1, ()
    tags = Image.Exif()
    try:
        tags.load(b"Exif\0\0" + exif)
        return _orientation_of(tags), ()
    except Exception:  # noqa: BLE001 - Pillow raises anything on damaged EXIF, which must not cost the image
        return 1, ("broken_exif",)


def _orientation_of(tags: Image.Exif) -> int:
    value = tags.get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


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
    stored = image.size
    check_size(*stored, limits)
    frames = int(getattr(image, "n_frames", 1)) if header is None else 1
    if frames > limits.max_frames:
        raise ImageTooLarge(
            f"the file holds {frames} frames; at most {limits.max_frames} are allowed",
            reason="too_many_frames",
        )
    if header is not None:
        image.draft(None, (side, side))
    profile = image.info.get("icc_profile") or b""
    flat = _first_filled_frame(image, frames)
    if header is None:
        stored = image.size  # Pillow turns a TIFF upright while it loads
    samples = np.asarray(flat)
    if header is not None and header.components == 4 and not header.adobe:
        samples = 255 - samples  # Pillow takes every CMYK JPEG for Adobe's inverted kind
    orientation, warnings = _pillow_orientation(image)
    full = samples.shape[:2] == (stored[1], stored[0])
    pixels, visible, color_warnings = _to_working(samples, flat.mode, profile, side)
    width, height = _upright_size(*stored, orientation)
    return DecodedImage(
        pixels=_upright(pixels, orientation),
        visible=None if visible is None else _upright(visible, orientation),
        width=width,
        height=height,
        format=image_format,
        frames=frames,
        sample=_sample(samples) if full else None,
        quantizer=(),
        warnings=warnings + color_warnings,
    )


def _first_filled_frame(image: Image.Image, frames: int) -> Image.Image:
    """The first frame that is not of one colour; the first frame when all that are tried are."""
    image.load()
    first = flatten_mode(image)
    if frames == 1 or not _blank(first):
        return first
    for number in range(1, min(frames, _BLANK_FRAMES)):
        image.seek(number)
        frame = flatten_mode(image)
        if frame.size == first.size and not _blank(frame):
            return frame
    return first


def _blank(image: Image.Image) -> bool:
    extrema = image.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in bands)


def _pillow_orientation(image: Image.Image) -> tuple[int, tuple[str, ...]]:
    try:
        return _orientation_of(image.getexif()), ()
    except Exception:  # noqa: BLE001 - as in _jpeg_orientation
        return 1, ("broken_exif",)


def _to_working(
    samples: npt.NDArray[np.uint8], mode: str, profile: bytes, side: int
) -> tuple[Pixels, Mask | None, tuple[str, ...]]:
    """Shrink, put on white and bring to sRGB."""
    small = _shrink(samples, side)
    if mode != "RGBa":
        return (pixels := to_srgb(small, mode, profile))[0], None, pixels[1]
    alpha = small[..., 3]
    opaque = np.minimum(small[..., :3], alpha[..., None]) + (
        255 - alpha[..., None]
    )  # premultiplied, on white
    pixels_, warnings = to_srgb(opaque, "RGB", profile)
    return pixels_, (alpha >= 128) if int(alpha.min()) < 255 else None, warnings


def _shrink(samples: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Bring down to the wanted side; a picture that fits is left alone."""
    height, width = samples.shape[:2]
    scale = side / max(height, width)
    if scale >= 1.0:
        return samples
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to a half, cubic keeps sharpness nearer to that of larger originals than averaging, and is faster.
    method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(samples, size, interpolation=method), dtype=np.uint8)


def _sample(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A central piece at original resolution that begins on a multiple of 8."""
    height, width = samples.shape[:2]
    top = max(0, height - _SAMPLE_SIDE) // 2 // 8 * 8
    left = max(0, width - _SAMPLE_SIDE) // 2 // 8 * 8
    piece = samples[top : top + _SAMPLE_SIDE, left : left + _SAMPLE_SIDE]
    if piece.ndim == 2:
        return piece
    return np.asarray(
        cv2.cvtColor(piece, cv2.COLOR_RGB2GRAY) if piece.shape[2] == 3 else piece[..., 1], dtype=np.uint8
    )


def _upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation >= 5 else (width, height)


def _upright(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Undo an EXIF orientation: 5 to 8 are transposed, then rows or columns run backwards."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)
