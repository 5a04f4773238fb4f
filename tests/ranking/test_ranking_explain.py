"""Percentiles of the learned score, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.ranking.explain import percentile_of
from tusou.ranking.features import FEATURE_NAMES, FeatureTable


def table(dense: list[float], image: list[float] | None = None, image_weight: float = 0.0) -> FeatureTable:
    values = np.full((len(dense), len(FEATURE_NAMES)), np.nan, np.float32)
    values[:, FEATURE_NAMES.index("dense_similarity")] = dense
    if image is not None:
        values[:, FEATURE_NAMES.index("image_similarity")] = image
    return FeatureTable(values, image_weight)


def test_words_alone() -> None:
    found = [percentile_of(table([0.1, 0.4, 0.3, 0.2, 0.4]), i) for i in range(5)]
    assert found == [0.0, 0.75, 0.5, 0.25, 0.75]


def test_a_picture_alone_does_not_need_words() -> None:
    nan = float("nan")
    asked = table([nan, nan, nan], [0.9, 0.1, 0.5], 1.0)
    assert [percentile_of(asked, i) for i in range(3)] == [1.0, 0.0, 0.5]


@pytest.mark.parametrize(("weight", "first"), [(0.25, 1.0), (0.75, 0.0)])
def test_words_and_picture_are_weighted(weight: float, first: float) -> None:
    assert percentile_of(table([0.9, 0.1], [0.1, 0.9], weight), 0) == first


def test_nothing_to_compare() -> None:
    assert percentile_of(table([0.5]), 0) is None
    assert percentile_of(table([float("nan"), float("nan")]), 1) is None
