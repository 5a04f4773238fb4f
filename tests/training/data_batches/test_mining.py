"""Hard negatives against a naive search."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from list_builders import captions, graded
from torch import Tensor

from tusou.training import mining
from tusou.training.data.relevance import RelevanceData
from tusou.training.mining import mine_negatives

pytestmark = pytest.mark.train


def naive(data: RelevanceData, scores: list[list[float]], depth: int, skip: int) -> list[list[int]]:
    found = []
    for i, row in enumerate(scores):
        span = slice(data.offsets[i], data.offsets[i + 1])
        relevant = set(data.items[span][data.grades[span] > 0].tolist())
        ranked = sorted(set(range(len(row))) - relevant, key=lambda image: -row[image])
        found.append(ranked[skip : skip + depth])
    return found


def rows(queries: int, images: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(queries, 6, generator=rng), torch.randn(images, 6, generator=rng)


@pytest.mark.parametrize(("depth", "skip"), [(1, 0), (4, 0), (3, 2)])
def test_against_a_naive_search_over_uneven_blocks(
    depth: int, skip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining, "_BLOCK", 4)
    lists = [(f"q{i}", {i % 9: 1.0, (i + 4) % 9: 0.0, (i + 2) % 9: float(i % 3)}) for i in range(11)]
    data = graded(lists, 9)
    queries, images = rows(11, 9)
    scores = (queries @ images.T).tolist()
    assert mine_negatives(data, queries, images, depth, skip).tolist() == naive(data, scores, depth, skip)


def test_the_best_scored_image_is_left_out_only_where_it_is_relevant() -> None:
    data = captions(2, 3)
    images = torch.eye(3)
    queries = torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.5, 0.0]])
    assert mine_negatives(data, queries, images, 2).tolist() == [[1, 2], [0, 2]]


@pytest.mark.parametrize(("depth", "skip"), [(50, 0), (50, 50), (1, 50)])
def test_depth_is_bounded_by_the_images_there_are(depth: int, skip: int) -> None:
    data = captions(4, 4)
    queries, images = rows(4, 4)
    found = mine_negatives(data, queries, images, depth, skip)
    assert 1 <= found.shape[1] <= 3
    assert not (found == np.arange(4)[:, None]).any()


def test_images_of_the_same_words_are_no_negatives() -> None:
    lists = [("A dog.", {0: 1.0}), ("a  dog.", {1: 1.0, 3: 0.0}), ("a cat", {2: 1.0})]
    data = graded(lists, 5)
    queries, images = rows(3, 5)
    found = mine_negatives(data, queries, images, 5)
    assert [sorted(row) for row in found.tolist()[:2]] == [[2, 3, 4]] * 2
    assert 2 not in found[2]
    order = (queries @ images.T)[0].argsort(descending=True).tolist()
    assert found[0].tolist() == [image for image in order if image in (2, 3, 4)]
