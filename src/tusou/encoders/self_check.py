"""Try a bundle's towers on two texts and two plain pictures before anybody relies on them."""

from __future__ import annotations

import numpy as np

from tusou.encoders.bundle_encoder import BundleEncoder
from tusou.errors import BundleError, EncoderError
from tusou.models.bundle import Bundle
from tusou.types import Embeddings

TEXTS = {"en": ("a red car", "two dogs on a beach"), "zh": ("一辆红色的汽车", "沙滩上的两只狗")}

SAME = 0.99999
"""Cosine from which two embeddings count as one: a vocabulary of another model makes every text unknown."""


def check_towers(bundle: Bundle) -> None:
    """Embed something in each language; norms and dimension are checked by the encoder.

    Raises:
        BundleError: A tower does not run, gives no unit embeddings of the declared dimension, or the same
            embedding for different inputs.
    """
    encoder = BundleEncoder(bundle)
    try:
        for language in bundle.manifest.languages:
            _check_apart(
                bundle, f"texts {' / '.join(TEXTS[language])}", encoder.encode_texts(TEXTS[language])
            )
        _check_apart(bundle, "a bright and a striped picture", encoder.encode_images(_pictures()))
    except EncoderError as error:
        raise BundleError(f"{error}; the bundle is of no use", reason="bundle_tower") from error


def _check_apart(bundle: Bundle, what: str, embeddings: Embeddings) -> None:
    cosine = float(embeddings[0] @ embeddings[1])
    if cosine > SAME:
        raise BundleError(
            f"bundle {bundle.path}: expected different embeddings of {what}, found cosine {cosine:.6f}; "
            "tokenizer or preprocessing belongs to another model",
            reason="bundle_tower",
        )


def _pictures() -> list[np.ndarray]:
    bright = np.full((96, 128, 3), (230, 180, 120), dtype=np.uint8)
    striped = np.full((96, 128, 3), (40, 90, 160), dtype=np.uint8)
    striped[:, ::2] = 200
    return [bright, striped]
