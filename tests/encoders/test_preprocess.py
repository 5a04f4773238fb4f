"""One preprocess path, and no skew between pictures prepared early and late."""

import numpy as np
import pytest

from bundle_builder import build_bundle
from fakes import solid
from tusou.encoders.preprocess import TokenReader, pixel_tensor, squash
from tusou.models.bundle import load_bundle
from tusou.models.manifest import ImageInput


def test_squash_keeps_the_whole_frame() -> None:
    picture = solid((0, 0, 0), 100, 400)
    picture[:, 200:] = 255
    small = squash(picture, 64)
    assert small.shape == (64, 64, 3)
    assert small[:, :31].max() == 0
    assert small[:, 33:].min() == 255


def test_squash_of_a_squashed_picture_is_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 512, 3), dtype=np.uint8)
    once = squash(picture, 224)
    assert squash(once, 224) is once


@pytest.mark.parametrize(("height", "width"), [(512, 512), (512, 100), (100, 512)])
def test_shrinking_averages_instead_of_sampling(height: int, width: int) -> None:
    """A board of single black and white pixels is grey from afar; sampling would make stripes of it."""
    board = np.indices((height, width)).sum(axis=0) % 2 * 255
    picture = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)
    assert np.abs(squash(picture, 64).astype(int) - 127).max() <= 40


def test_tensor_is_normalised_per_channel() -> None:
    image = ImageInput(file="x", size=16, resize="squash", mean=(10, 20, 30), std=(1, 2, 4))
    tensor = pixel_tensor([solid((11, 24, 46), 40, 20), solid((10, 20, 30))], image)
    assert tensor.shape == (2, 3, 16, 16)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0, :, 5, 5], [1, 2, 4])
    np.testing.assert_allclose(tensor[1], 0)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> TokenReader:
    bundle = load_bundle(build_bundle(tmp_path_factory.mktemp("bundle")))
    return TokenReader(str(bundle.file("tokenizer.model")), bundle.manifest.text.tokenizer)


def test_ids_are_marked_at_both_ends_and_capped(reader: TokenReader) -> None:
    assert (reader.ids("red")[0], reader.ids("red")[-1]) == (1, 2)
    long = reader.ids("red " * 1000)
    assert (len(long), long[0], long[-1]) == (16, 1, 2)
    assert reader.ids("") == [1, 2]


def test_case_is_folded(reader: TokenReader) -> None:
    assert reader.ids("Red") == reader.ids("red")


def test_batch_pads_and_masks(reader: TokenReader) -> None:
    ids, mask = reader.batch([[1, 5, 2], [1, 2]])
    assert ids.tolist() == [[1, 5, 2], [1, 2, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]]
