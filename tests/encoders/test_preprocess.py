"""One preprocess path, and no skew between pictures prepared early and late."""

import numpy as np
import pytest
from PIL import Image

from fakes import solid
from tusou.encoders.preprocess import fit, pixel_tensor, shortest_crop, squash
from tusou.models.manifest import ImageInput
from tusou.types import Pixels


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


def photo(height: int, width: int, seed: int = 0) -> Pixels:
    """Smooth blobs of colour, like a photo rather than noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def resize_then_crop(picture: Pixels, size: int, method: Image.Resampling) -> np.ndarray:
    """The CLIP family's own order: the whole frame first, then its middle square."""
    height, width = picture.shape[:2]
    shortest = min(height, width)
    wide, high = int(size * width / shortest), int(size * height / shortest)
    left, top = round((wide - size) / 2), round((high - size) / 2)
    whole = Image.fromarray(picture).resize((wide, high), method)
    return np.asarray(whole.crop((left, top, left + size, top + size))).astype(int)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(
    ("height", "width"), [(341, 512), (512, 341), (512, 512), (100, 37), (64, 301), (200, 64)]
)
def test_shortest_crop_is_pillows_resize_and_centre_crop(height: int, width: int, interpolation: str) -> None:
    picture = photo(height, width)
    found = shortest_crop(picture, 64, interpolation)
    method = Image.Resampling[interpolation.upper()]
    assert found.shape == (64, 64, 3)
    difference = np.abs(found - resize_then_crop(picture, 64, method))
    assert difference.max() <= 1  # grey level of 255: the box is rounded elsewhere than the whole frame


def test_area_averages_when_shrinking_and_has_no_blocks_when_enlarging() -> None:
    board = np.repeat(np.indices((256, 512)).sum(axis=0)[:, :, None] % 2 * 255, 3, axis=2).astype(np.uint8)
    assert np.abs(shortest_crop(board, 64, "area").astype(int) - 127).max() <= 1
    ramp = np.repeat(np.arange(8, dtype=np.uint8)[None, :, None] * 30, 8, axis=0).repeat(3, axis=2)
    assert len(np.unique(shortest_crop(ramp, 64, "area"))) > 30


def test_shortest_crop_keeps_the_aspect_ratio_and_the_middle() -> None:
    disc = np.indices((200, 400)) - np.array([100, 200])[:, None, None]
    picture = np.repeat(((disc**2).sum(axis=0) < 80**2)[:, :, None] * np.uint8(255), 3, axis=2)
    rows, columns = np.nonzero(shortest_crop(picture, 50, "bicubic")[:, :, 0] > 127)
    assert [int(np.ptp(rows)), int(np.ptp(columns))] == [39, 39]


def test_shortest_crop_of_a_fitted_picture_is_itself() -> None:
    once = shortest_crop(photo(300, 512), 64)
    assert shortest_crop(once, 64) is once


@pytest.mark.parametrize(("height", "width"), [(1, 512), (512, 1), (1, 1), (3, 2)])
def test_a_strip_costs_no_more_than_a_photo(height: int, width: int) -> None:
    """Resizing the whole frame first would make 336 x 172,032 pixels of 1 x 512."""
    cropped = shortest_crop(solid((9, 8, 7), height, width), 336)
    np.testing.assert_array_equal(cropped, solid((9, 8, 7), 336, 336))


def test_the_manifest_chooses_the_rule() -> None:
    picture = photo(64, 128)
    squashed = ImageInput(file="x", size=32, resize="squash", mean=(0, 0, 0), std=(1, 1, 1))
    cropped = squashed.model_copy(update={"resize": "shortest_crop", "interpolation": "bilinear"})
    np.testing.assert_array_equal(fit(picture, squashed), squash(picture, 32))
    np.testing.assert_array_equal(fit(picture, cropped), shortest_crop(picture, 32, "bilinear"))


def test_squash_is_close_to_pillows_area_average() -> None:
    picture = photo(341, 512)
    reference = np.asarray(Image.fromarray(picture).resize((64, 64), Image.Resampling.BOX)).astype(int)
    difference = np.abs(squash(picture, 64) - reference)
    assert difference.max() <= 5  # Pillow counts a pixel in or out, OpenCV by the part that is covered
    assert difference.mean() < 0.5
