"""Fitted rankers find the order behind the grades, keep their constraints, and say why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ranking_worlds import NAMES, judged, mean_ndcg

from tusou.errors import RankerError
from tusou.ranking.base import Ranker
from tusou.ranking.features import FEATURE_NAMES, FEATURES, FeatureTable
from tusou.ranking.learn.data import JudgedCandidates, folds
from tusou.ranking.learn.linear import RIDGES, fit_linear
from tusou.ranking.learn.trees import fit_trees

TRAIN, TEST = judged(seed=0), judged(seed=1)


def table(data: JudgedCandidates) -> FeatureTable:
    """The same rows as search hands them to a ranker."""
    values = np.full((len(data.grades), len(FEATURES)), np.nan, np.float32)
    values[:, [FEATURE_NAMES.index(name) for name in data.names]] = data.features
    return FeatureTable(values)


def test_the_weights_follow_the_world() -> None:
    ranker = fit_linear(TRAIN)
    bm25f, dense, quality, sharpness = ranker.weights
    assert dense / bm25f == pytest.approx(2.0, rel=0.25)
    assert sharpness / bm25f == pytest.approx(-0.5, rel=0.35)
    assert abs(quality) < 0.1 * bm25f
    assert mean_ndcg(ranker.scores(TEST.features), TEST) > 0.9


def test_the_gradient_is_that_of_the_loss() -> None:
    """At the minimum no small step in any free direction helps; checked on the loss written out anew."""
    ranker = fit_linear(TRAIN, ridge=0.01)
    normalized = ranker.normalized(TRAIN.features)

    def loss(weights: np.ndarray) -> float:
        scores, parts = normalized @ weights, []
        for rows in TRAIN.each_query():
            better, worse = np.nonzero(TRAIN.grades[rows, None] > TRAIN.grades[None, rows])
            parts.append(np.logaddexp(0, scores[rows][worse] - scores[rows][better]).mean())
        return float(np.mean(parts) + 0.01 * weights @ weights)

    best = loss(ranker.weights)
    for i in range(len(NAMES)):
        for step in (-0.05, 0.05):
            moved = ranker.weights.copy()
            moved[i] += step
            assert loss(moved) > best


def test_the_penalty_is_as_strong_as_the_data_are_poor() -> None:
    def length(data: JudgedCandidates, ridge: float | None = None) -> float:
        return float(np.linalg.norm(fit_linear(data, ridge=ridge).weights))

    clear, chance = (
        judged(noise=0.05),
        dataclasses.replace(TRAIN, grades=np.random.default_rng(0).permutation(TRAIN.grades)),
    )
    assert length(clear) == pytest.approx(length(clear, RIDGES[-1]))
    assert length(chance) == pytest.approx(length(chance, RIDGES[0]))


def test_what_can_only_help_is_never_turned_round() -> None:
    turned = dataclasses.replace(TRAIN, features=TRAIN.features * [-1, 1, 1, 1])
    free, held = fit_linear(turned), fit_linear(turned, {"bm25f": 1})
    assert free.weights[0] < 0 <= held.weights[0]
    assert held.weights[0] == 0


@pytest.mark.parametrize("fit", [fit_linear, fit_trees])
def test_scores_are_the_sum_of_their_parts(fit: object) -> None:
    ranker: Ranker = fit(TRAIN)  # type: ignore[operator]
    scores = ranker.rank(table(TEST))
    found = np.array([scores.parts(i).contributions.sum() for i in range(40)])
    constant = scores.values[:40] - found  # trees have one, their expected value
    assert constant == pytest.approx(np.full(40, constant[0]), abs=1e-5)
    assert scores.names == NAMES
    assert scores.parts(0).normalized.shape == (len(NAMES),)


def test_trees_learn_what_no_sum_can_say() -> None:
    """Relevant is what is either found by words or looks right, not what has a little of both."""
    rng = np.random.default_rng(4)
    features = rng.random((200 * 15, 4))
    grades = ((features[:, 0] > 0.7) != (features[:, 1] > 0.7)).astype(np.int64)
    data = JudgedCandidates(NAMES, features, grades, np.repeat(np.arange(200), 15))
    train, test = data.of_queries(np.arange(150)), data.of_queries(np.arange(150, 200))
    trees, linear = fit_trees(train), fit_linear(train)
    assert mean_ndcg(trees.scores(test.features), test) > mean_ndcg(linear.scores(test.features), test) + 0.1
    assert trees.importances()[:2].sum() > 0.9


def test_trees_are_monotone_where_asked() -> None:
    ranker = fit_trees(TRAIN, None, {"dense_similarity": 1})
    rows = np.tile(np.zeros(4), (50, 1))
    rows[:, 1] = np.linspace(-3, 3, 50)
    assert (np.diff(ranker.scores(rows)) >= -1e-12).all()


def test_trees_stop_on_held_out_queries_and_repeat_themselves() -> None:
    first, second = fit_trees(TRAIN, TEST), fit_trees(TRAIN, TEST)
    assert first.text == second.text
    assert 0 < first.booster.num_trees() < 300
    assert mean_ndcg(first.scores(TEST.features), TEST) > 0.85


def test_places_explain_clicks_that_images_do_not() -> None:
    """Shown by one feature, clicked for the place and for another: told the places, the trees see which."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 10, 2))
    features = np.take_along_axis(features, np.argsort(-features[:, :, :1], axis=1), axis=1).reshape(-1, 2)
    place = np.tile(np.arange(10), 400)
    attractive = (features[:, 1] > 0.5).astype(np.int64)
    clicks = (rng.random(4000) < (0.1 + 0.8 * attractive) / (1 + place)).astype(np.int64)
    data = JudgedCandidates(("authority", "bm25f"), features, clicks, np.repeat(np.arange(400), 10))
    plain, told = fit_trees(data, trees=60), fit_trees(data, positions=place, trees=60)
    truth = dataclasses.replace(data, grades=attractive)
    assert mean_ndcg(told.scores(features), truth) > mean_ndcg(plain.scores(features), truth)
    assert told.importances()[0] < plain.importances()[0]


def test_nothing_to_learn_is_refused() -> None:
    alike = dataclasses.replace(TRAIN, grades=np.ones_like(TRAIN.grades))
    with pytest.raises(RankerError, match="different grades"):
        fit_linear(alike)
    with pytest.raises(RankerError, match="too few"):
        folds(np.array([0, 0, 1]), 3, 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"grades": np.full(len(TRAIN.grades), 9)}, "grades are 0 to 4"),
        ({"queries": TRAIN.queries[::-1]}, "stand together"),
        ({"features": TRAIN.features[:, :2]}, "expected features"),
        ({"features": np.where(TRAIN.features > 3, np.inf, TRAIN.features)}, "is infinite"),
    ],
)
def test_bad_candidates_are_refused(change: dict[str, np.ndarray], problem: str) -> None:
    with pytest.raises(RankerError, match=problem):
        dataclasses.replace(TRAIN, **change)  # type: ignore[arg-type]


def test_folds_part_queries() -> None:
    parts = folds(TRAIN.queries, 5, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    assert {len(part) for part in parts} == {12}
    kept = TRAIN.of_queries(parts[0])
    assert set(kept.queries.tolist()) == set(parts[0].tolist())
    assert kept.sizes.tolist() == [20] * 12
