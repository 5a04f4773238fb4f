"""Batches an image at a time: every image once an epoch, a few of its queries each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tusou.training.data.batches import Relevance
from tusou.training.data.image_batches import ImageGridBatches
from tusou.training.data.relevance import FilePicture, RelevanceData


def captioned(images: int, captions: int) -> RelevanceData:
    """Each image with so many captions of its own."""
    count = images * captions
    return RelevanceData(
        tuple(FilePicture(str(i), Path(str(i))) for i in range(images)),
        tuple(f"query {i}" for i in range(count)),
        ("en",) * count,
        np.arange(count + 1),
        np.repeat(np.arange(images), captions),
        np.ones(count, np.float32),
        ("train",) * images,
    )


def test_every_image_once_with_queries_of_its_own() -> None:
    data = captioned(10, 5)
    batches = ImageGridBatches(Relevance(data), 8, 2, seed=1)
    assert len(batches) == 3  # four images a step
    seen = []
    for step in range(len(batches)):
        batch = batches.batch(0, step)
        assert batch.items is None
        owners = data.items[batch.queries]
        np.testing.assert_array_equal(np.bincount(owners, minlength=10)[batch.images], 2)
        np.testing.assert_array_equal(batch.grades, owners[:, None] == batch.images[None, :])
        assert batch.known.all()
        seen += batch.images.tolist()
    assert sorted(seen) == list(range(10))


def test_epochs_draw_other_queries_and_repeat_exactly() -> None:
    relevance = Relevance(captioned(6, 8))
    first, again = (ImageGridBatches(relevance, 6, 3, seed=5).batch(0, 0) for _ in range(2))
    np.testing.assert_array_equal(first.queries, again.queries)
    later = ImageGridBatches(relevance, 18, 3, seed=5).batch(1, 0)
    assert set(later.queries.tolist()) != set(ImageGridBatches(relevance, 18, 3, seed=5).batch(0, 0).queries)


def test_an_image_with_few_queries_gives_them_all() -> None:
    batch = ImageGridBatches(Relevance(captioned(3, 2)), 30, 10, seed=0).batch(0, 0)
    assert batch.queries.tolist() == list(range(6))
