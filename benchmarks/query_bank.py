"""What query-bank normalisation is worth: Success@10 on a dev split, before and after.

    python benchmarks/query_bank.py --data FLICKR8K --bundle BUNDLE

Some images are near many queries (hubs). The inverted softmax divides an image's score by what it earns from
a bank of training queries (QB-Norm, arXiv 2112.12777):

    score'(q, i) = beta s(q, i) - log sum over bank queries b of exp(beta s(b, i))
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.evaluation.captions import CaptionedSet, read_captioned_set
from tusou.evaluation.measures import success
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits

BETA = 20.0
BANK = 5000
Rows = npt.NDArray[np.float32]


def main() -> None:
    """Measure both languages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", default="base")
    options = parser.parse_args()
    encoder = open_encoder(options.bundle)
    dev = {language: read_captioned_set(options.data, language, "dev") for language in ("en", "zh")}
    images = embed_images(encoder, dev["en"])
    report = {}
    for language, captions in dev.items():
        queries = encoder.encode_texts(captions.captions)
        training = read_captioned_set(options.data, language, "train").captions
        bank = encoder.encode_texts(
            [training[i] for i in np.random.default_rng(0).permutation(len(training))[:BANK]]
        )
        plain = queries @ images.T
        burden = np.log(np.exp(BETA * (bank @ images.T)).sum(axis=0))
        report[language] = {
            "plain": found(plain, captions.image_of_caption),
            "normalised": found(BETA * plain - burden, captions.image_of_caption),
        }
    print(json.dumps(report, indent=1))


def embed_images(encoder: BundleEncoder, data: CaptionedSet) -> Rows:
    """(images, dim)."""
    return np.concatenate(
        [encoder.encode_images([decode(path.read_bytes(), Limits()).pixels]) for path in data.images]
    )


def found(scores: Rows, relevant: npt.NDArray[np.int64]) -> float:
    """Success@10."""
    best = scores[np.arange(len(scores)), relevant][:, None]
    return round(success((scores >= best).sum(axis=1), 10), 4)


if __name__ == "__main__":
    main()
