"""The shipped bundle: sound, small enough, and sensible about real sentences and plain pictures."""

from __future__ import annotations

import numpy as np
import pytest

from fakes import solid, striped
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder

PAIRS = [
    ("A dog runs through the snow.", "一只狗在雪地里奔跑。"),
    ("Two children play on the beach.", "两个孩子在沙滩上玩。"),
    ("A man climbs a steep rock.", "一个男人在攀爬陡峭的岩石。"),
    ("A red car stands on the street.", "一辆红色的汽车停在街上。"),
    ("A cat sleeps on the sofa.", "一只猫在沙发上睡觉。"),
]


@pytest.fixture(scope="module")
def encoder() -> BundleEncoder:
    return open_encoder("base")


def test_it_keeps_what_it_promises(encoder: BundleEncoder) -> None:
    about = encoder.bundle.manifest
    assert encoder.bundle.byte_size < 80_000_000
    assert about.languages == ("en", "zh")
    assert about.figures["flickr8k_dev_en_text_to_image_success@10"] >= 0.70
    assert about.figures["flickr8k_dev_zh_text_to_image_success@10"] >= 0.52
    assert (encoder.bundle.path / "MODEL_CARD.md").is_file()


def test_sentences_meet_their_translations(encoder: BundleEncoder) -> None:
    english, chinese = (encoder.encode_texts(side) for side in zip(*PAIRS, strict=True))
    cosines = english @ chinese.T
    assert cosines.argmax(axis=0).tolist() == list(range(len(PAIRS)))
    assert cosines.argmax(axis=1).tolist() == list(range(len(PAIRS)))


def test_padding_in_a_batch_changes_nothing(encoder: BundleEncoder) -> None:
    texts = [text for pair in PAIRS for text in pair] + ["猫", "dog", "雪山"]
    batch = open_encoder("base").encode_texts(texts)
    single = [open_encoder("base").encode_texts([text])[0] for text in texts[::4]]
    np.testing.assert_allclose(batch[::4], np.array(single), atol=1e-5)


@pytest.mark.parametrize("text", ["", "🙂🙂", "\x00", "的" * 10_000, "зима", "١٢٣"])
def test_any_text_has_an_embedding(encoder: BundleEncoder, text: str) -> None:
    assert encoder.encode_texts([text]).shape == (1, encoder.dim)


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (255, 0, 0)])
def test_plain_pictures_have_embeddings(encoder: BundleEncoder, color: tuple[int, int, int]) -> None:
    assert encoder.encode_images([solid(color), solid(color, 1, 1)]).shape == (2, encoder.dim)


def test_size_hardly_changes_a_picture(encoder: BundleEncoder) -> None:
    stripes = striped({(200, 30, 30): 256, (30, 30, 200): 128, (240, 240, 240): 128}, height=384)
    small = np.ascontiguousarray(stripes[::2, ::2])
    first, second = encoder.encode_images([stripes, small])
    assert float(first @ second) > 0.98


def test_a_red_picture_is_nearer_to_red_than_to_blue(encoder: BundleEncoder) -> None:
    red, blue = encoder.encode_texts(["red", "blue"])
    picture = encoder.encode_images([solid((220, 20, 20), 224, 224)])[0]
    other = encoder.encode_images([solid((20, 20, 220), 224, 224)])[0]
    assert float(picture @ (red - blue)) > float(other @ (red - blue))
