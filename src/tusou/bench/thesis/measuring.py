"""What both worlds measure alike: embeddings, quality, and which vectors are near each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

from tusou.encoders.base import Encoder
from tusou.imaging.decode import DecodedImage
from tusou.imaging.quality import measure_quality
from tusou.types import Embeddings, Pixels

BATCH = 32


def measured_quality(pictures: Sequence[Pixels]) -> dict[str, np.ndarray]:
    """The product's own quality measures of every picture."""
    names = ("megapixels", "sharpness", "exposure", "contrast", "colorfulness", "blockiness")
    found = []
    for pixels in pictures:
        height, width = pixels.shape[:2]
        image = DecodedImage(pixels, None, width, height, "png", 1, pixels[:, :, 1].copy(), (), ())
        quality = measure_quality(image)
        found.append([getattr(quality, name) for name in names])
    return dict(zip(names, np.array(found).T, strict=True))


def embedded(encoder: Encoder, pictures: Iterable[Pixels]) -> Embeddings:
    """Embeddings of pictures."""
    source = iter(pictures)
    batches = iter(lambda: list(islice(source, BATCH)), [])
    return np.concatenate([encoder.encode_images(batch) for batch in batches])


def texts_of(encoder: Encoder, texts: Sequence[str]) -> Embeddings:
    """Embeddings of texts."""
    return np.concatenate([encoder.encode_texts(texts[i : i + 64]) for i in range(0, len(texts), 64)])


def nearest(vectors: np.ndarray, count: int = 5, apart: np.ndarray | None = None) -> np.ndarray:
    """The nearest others by cosine, (n, count); pairs in ``apart`` are never near."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    if apart is not None:
        cosines[apart] = -2
    np.fill_diagonal(cosines, -3)
    return np.asarray(np.argsort(-cosines, axis=1)[:, :count])
