"""The one way pictures and words become what a tower reads: ingest, evaluation and queries alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import sentencepiece

from tusou.models.manifest import ImageInput, Tokenizer
from tusou.types import Pixels

Tensor = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


def squash(pixels: Pixels, size: int) -> Pixels:
    """Map the whole frame to a square; the aspect ratio is given up, nothing is cropped.

    Shrinking averages the area each new pixel covers, so a picture squashed earlier (a worker, a prepared
    data set) passes unchanged, and one of 4,000 pixels shows no aliasing.

    Args:
        pixels: (height, width, 3) uint8.
        size: Side of the square.

    Returns:
        (size, size, 3) uint8; the input itself when it has that shape already.
    """
    height, width = pixels.shape[:2]
    # Two steps, because INTER_AREA averages only where both sides shrink.
    shrunk = _resize(pixels, min(height, size), min(width, size), cv2.INTER_AREA)
    return _resize(shrunk, size, size, cv2.INTER_LINEAR)


def _resize(pixels: Pixels, height: int, width: int, method: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.uint8, copy=False)


def pixel_tensor(pictures: Sequence[Pixels], image: ImageInput) -> Tensor:
    """Squash, normalise and stack pictures.

    Returns:
        (n, 3, size, size) float32, (value - mean) / std per channel.
    """
    tensor = np.empty((len(pictures), 3, image.size, image.size), dtype=np.float32)
    for planes, picture in zip(tensor, pictures, strict=True):
        squashed = squash(picture, image.size)
        for channel in range(3):
            planes[channel] = squashed[:, :, channel]
    tensor -= np.array(image.mean, dtype=np.float32)[:, None, None]
    tensor /= np.array(image.std, dtype=np.float32)[:, None, None]
    return tensor


class TokenReader:
    """Words to ids with SentencePiece."""

    def __init__(self, path: str, tokenizer: Tokenizer) -> None:
        """Open a tokenizer.

        Args:
            path: Its model file.
            tokenizer: Special ids, length and case, from the manifest.
        """
        self._spec = tokenizer
        self._processor = sentencepiece.SentencePieceProcessor(model_file=path)

    def ids(self, text: str) -> list[int]:
        """Ids of one text, both ends marked, at most ``max_tokens`` long."""
        text = text.lower() if self._spec.lowercase else text
        body = self._processor.encode(text)[: self._spec.max_tokens - 2]
        return [self._spec.bos, *body, self._spec.eos]

    def batch(self, rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
        """Pad rows of ids to one length.

        Returns:
            ids (n, tokens) int64 and mask (n, tokens) int64, 1 where a token counts.
        """
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self._spec.pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return ids, mask
