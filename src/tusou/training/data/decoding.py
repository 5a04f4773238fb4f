"""Decode a picture of a data set, the same way as ingest does, and say which one cannot be."""

from __future__ import annotations

from tusou.errors import DataError, DecodeError
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits
from tusou.training.data.relevance import Picture
from tusou.types import Pixels


def decode_picture(picture: Picture) -> Pixels:
    """Pixels of a picture, (height, width, 3) uint8.

    Raises:
        DataError: It cannot be read or decoded; the message names it.
    """
    try:
        return decode(picture.read(), Limits()).pixels
    except DecodeError as error:
        raise DataError(
            f"{picture.key}: {error}; `tusou data check --images` lists every such file", reason=error.reason
        ) from error
