"""The fakes mean what they say."""

import numpy as np
import pytest

from fakes import KeywordEncoder, solid, striped

RED, WHITE, BLUE = (255, 0, 0), (255, 255, 255), (0, 0, 255)


@pytest.mark.parametrize(
    ("text", "share"), [("red", 1.0), ("红色", 1.0), ("a red sea", 2**-0.5), ("bored", 0.0)]
)
def test_keyword_encoder_reads_words(text: str, share: float) -> None:
    encoder = KeywordEncoder()
    image = encoder.encode_images([solid(RED)])
    np.testing.assert_allclose(image @ encoder.encode_texts([text]).T, [[share]], atol=1e-6)


def test_keyword_encoder_weighs_colours_by_area() -> None:
    encoder = KeywordEncoder()
    images = encoder.encode_images([striped({RED: 16, WHITE: 16}), striped({RED: 30, BLUE: 10})])
    cosines = (images @ encoder.encode_texts(["red"]).T)[:, 0]
    np.testing.assert_allclose(cosines, [2**-0.5, 0.9**0.5], atol=1e-6)
    assert encoder.image_calls == [2]
    assert encoder.text_calls == [("red",)]
