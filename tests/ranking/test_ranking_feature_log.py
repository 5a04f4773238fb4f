"""Logged features come back as the ranker saw them."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.errors import RankerError
from tusou.ranking.convex import ConvexCombination
from tusou.ranking.feature_log import pack_features, unpack_features
from tusou.ranking.features import FEATURES, FeatureTable
from tusou.ranking.promotion import random_table


def test_shown_images_come_back_in_order() -> None:
    table = random_table(20)
    back = unpack_features(pack_features(table, [7, 0, 19]))
    np.testing.assert_allclose(back.values, table.values[[7, 0, 19]], rtol=1e-3, equal_nan=True)
    seventh = table.of_rows(np.arange(20) == 7)
    alone = unpack_features(pack_features(seventh, [0]))
    expected = ConvexCombination().rank(seventh).values
    assert ConvexCombination().rank(alone).values == pytest.approx(expected, rel=2e-3)


def test_the_image_weight_and_large_values_survive() -> None:
    table = FeatureTable(np.full((1, len(FEATURES)), 1e6, np.float32), 0.25)
    back = unpack_features(pack_features(table, [0]))
    assert back.image_weight == 0.25
    assert np.isfinite(back.values).all()
    assert len(unpack_features(pack_features(table, []))) == 0


@pytest.mark.parametrize(
    ("record", "problem"),
    [(b"short", "no features"), (b"x" * 13, "no features"), (b"other v1" + bytes(4), "another version")],
)
def test_what_is_not_ours_is_refused(record: bytes, problem: str) -> None:
    with pytest.raises(RankerError, match=problem):
        unpack_features(record)
