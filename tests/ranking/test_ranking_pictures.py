"""Partial dependence of fitted rankers, and the picture of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ranking_worlds import NAMES, judged

from tusou.ranking.learn.linear import fit_linear
from tusou.ranking.learn.pictures import draw_ranker, partial_dependence
from tusou.ranking.learn.trees import fit_trees


def test_a_linear_ranker_depends_by_its_weight() -> None:
    data = judged()
    ranker, before = fit_linear(data), data.features.copy()
    values, means = partial_dependence(ranker, data, "dense_similarity")
    np.testing.assert_array_equal(data.features, before)
    place = NAMES.index("dense_similarity")
    slope = ranker.weights[place] / ranker.scales[place]
    assert np.diff(means) == pytest.approx(slope * np.diff(values))


def test_trees_rise_where_they_must_and_noise_hardly_moves_them() -> None:
    data = judged(200)
    ranker = fit_trees(data, directions={"dense_similarity": 1})
    _, rising = partial_dependence(ranker, data, "dense_similarity")
    assert (np.diff(rising) >= -1e-9).all()
    _, noise = partial_dependence(ranker, data, "quality")
    assert np.ptp(noise) < 0.3 * np.ptp(rising)


def test_a_feature_that_is_never_known_has_none() -> None:
    data = judged()
    data.features[:, 0] = np.nan
    values, means = partial_dependence(fit_linear(data), data, NAMES[0])
    assert len(values) == len(means) == 0


@pytest.mark.train
def test_the_picture_is_drawn(tmp_path: Path) -> None:
    data = judged()
    ranker = fit_linear(data)
    pairs = [(name, float(weight)) for name, weight in zip(NAMES, ranker.weights, strict=True)]
    draw_ranker(ranker, data, pairs, tmp_path / "features.png")
    assert (tmp_path / "features.png").stat().st_size > 10_000
