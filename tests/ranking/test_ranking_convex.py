"""The convex combination, by hand and by property."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.index.base import FIELDS
from tusou.index.token_rows import FIELD_WEIGHTS
from tusou.ranking.base import best_first
from tusou.ranking.convex import CLICK_WEIGHT, WEIGHTS, ConvexCombination
from tusou.ranking.explain import contributions_of
from tusou.ranking.features import FEATURE_NAMES, FEATURES, FeatureTable


def table(*rows: dict[str, float], image_weight: float = 0.0) -> FeatureTable:
    """Features by name; what is not named is missing."""
    missing = {spec.name: spec.missing for spec in FEATURES}
    values = [[{**missing, **row}[name] for name in FEATURE_NAMES] for row in rows]
    return FeatureTable(np.array(values, np.float32), image_weight)


def scores_of(features: FeatureTable) -> npt.NDArray[np.float64]:
    return ConvexCombination().rank(features).values


def test_scores_worked_by_hand() -> None:
    features = table(
        {"bm25_title": 4.0, "coverage": 1.0, "dense_similarity": 0.2, "quality": 1.0, "authority": 0.5},
        {"bm25_description": 2.0, "coverage": 0.5, "dense_similarity": 0.4, "quality": 0.0, "authority": 1.0},
        {"dense_similarity": -0.1},
    )
    best = FIELD_WEIGHTS["title"] * 4.0
    share = FIELD_WEIGHTS["description"] * 2.0 / best
    lexical, coverage, dense = WEIGHTS["lexical"], WEIGHTS["coverage"], WEIGHTS["dense_similarity"]
    quality, authority = WEIGHTS["quality"], WEIGHTS["authority"]
    expected = [
        lexical + coverage + dense * 0.5 + quality + authority * 0.5,
        lexical * share + coverage * 0.5 + dense + authority,
        (quality + authority) * 0.5,  # below the floor, and nothing known of the picture
    ]
    assert scores_of(features) == pytest.approx(expected, abs=1e-6)


def test_a_picture_takes_the_place_of_words() -> None:
    features = table({"image_similarity": 0.8}, {"image_similarity": 0.4}, image_weight=1.0)
    neutral = 0.5 * (WEIGHTS["quality"] + WEIGHTS["authority"])
    image = WEIGHTS["image_similarity"]
    assert scores_of(features) == pytest.approx([image + neutral, image / 2 + neutral])


def test_words_and_picture_share_by_the_image_weight() -> None:
    rows = (
        {"dense_similarity": 0.5, "image_similarity": 0.1},
        {"dense_similarity": 0.1, "image_similarity": 0.9},
    )
    words_first = scores_of(table(*rows, image_weight=0.1))
    picture_first = scores_of(table(*rows, image_weight=0.9))
    assert words_first[0] > words_first[1]
    assert picture_first[0] < picture_first[1]


def test_words_nobody_wrote_leave_their_weight_to_what_they_mean() -> None:
    features = table({"dense_similarity": 0.4}, {"dense_similarity": 0.2})
    words = WEIGHTS["lexical"] + WEIGHTS["coverage"] + WEIGHTS["dense_similarity"]
    neutral = 0.5 * (WEIGHTS["quality"] + WEIGHTS["authority"])
    assert scores_of(features) == pytest.approx([words + neutral, words / 2 + neutral])


def test_weights_must_make_a_convex_combination() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        ConvexCombination({**WEIGHTS, "quality": 0.5})
    with pytest.raises(ValueError, match="negative"):
        ConvexCombination({**WEIGHTS, "quality": -0.05, "authority": 0.15})


def random_table(seed: int, count: int, image_weight: float) -> FeatureTable:
    """Features all over their ranges, some unknown, some columns constant."""
    rng = np.random.default_rng(seed)
    low = np.maximum([spec.low for spec in FEATURES], -30.0)
    high = np.minimum([spec.high for spec in FEATURES], 30.0)
    values = rng.uniform(low, high, (count, len(FEATURES)))
    values[rng.random(values.shape) < 0.2] = 0.0
    unknown = np.array([np.isnan(spec.missing) for spec in FEATURES])
    values[(rng.random(values.shape) < 0.2) & unknown] = np.nan
    return FeatureTable(values.astype(np.float32), image_weight)


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.floats(0, 1))
def test_scores_lie_between_0_and_1_and_are_the_sum_of_their_parts(
    seed: int, count: int, image_weight: float
) -> None:
    features = random_table(seed, count, image_weight)
    scores = ConvexCombination().rank(features)
    lift = np.nan_to_num(features.column("click_lift").astype(np.float64), nan=0.0)
    unclicked = scores.values - CLICK_WEIGHT * lift
    assert ((unclicked >= -1e-9) & (unclicked <= 1 + 1e-9)).all()
    for i, score in enumerate(scores.values):
        parts = contributions_of(scores, features, i)
        assert sum(part.contribution for part in parts) == pytest.approx(score, abs=1e-9)
        assert all(part.contribution == pytest.approx(part.normalized * part.weight) for part in parts)


@given(st.permutations(range(5)))
def test_the_order_of_candidates_makes_no_difference(order: list[int]) -> None:
    rows = [{f"bm25_{field}": float(i + j) for j, field in enumerate(FIELDS)} for i in range(5)]
    scores = scores_of(table(*(rows[i] for i in order)))
    assert scores[np.argsort(order)] == pytest.approx(scores_of(table(*rows)))


def test_equal_scores_keep_the_order_of_rows() -> None:
    order = best_first(np.array([0.5, 0.7, 0.5]), np.array([9, 4, 2]))
    assert order.tolist() == [1, 2, 0]


def test_clicks_come_on_top_and_unknown_ones_change_nothing() -> None:
    rows = ({"dense_similarity": 0.4}, {"dense_similarity": 0.36}, {"dense_similarity": 0.3})
    before = scores_of(table(*rows))
    clicked = table(rows[0] | {"click_lift": -0.15}, rows[1] | {"click_lift": 0.3}, rows[2])
    assert scores_of(clicked) == pytest.approx(before + CLICK_WEIGHT * np.array([-0.15, 0.3, 0.0]))
    assert scores_of(clicked).argmax() == 1


def test_the_bundles_own_score_takes_the_place_of_the_cosine() -> None:
    features = table(
        {"pair_score": 2.0, "dense_similarity": 0.1}, {"pair_score": -2.0, "dense_similarity": 0.9}
    )
    high, low = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(2.0))
    learned = sum(WEIGHTS[name] for name in ("lexical", "coverage", "dense_similarity"))
    neutral = 0.5 * (WEIGHTS["quality"] + WEIGHTS["authority"])
    assert scores_of(features) == pytest.approx([learned + neutral, learned * low / high + neutral])
    parts = {part.feature for part in contributions_of(ConvexCombination().rank(features), features, 0)}
    assert "pair_score" in parts
    assert "dense_similarity" not in parts
    certain = table({"pair_score": 1e30}, {"pair_score": -1e30})
    assert np.isfinite(scores_of(certain)).all()
