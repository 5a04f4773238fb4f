"""Features hold what their names say, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search_builders import BLUE, RED, World, solid, striped
from tusou.feedback.counts import BehaviorCounts
from tusou.index.base import TextClause, TextQuery
from tusou.index.token_rows import FIELD_WEIGHTS
from tusou.ranking.convex import CLICK_WEIGHT
from tusou.ranking.features import COVERAGE_TERMS, FEATURE_NAMES, FEATURES, RankingQuery, gather_features
from tusou.ranking.quality import quality
from tusou.types import Rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("features"))
    made.add_many(
        [
            (solid(RED), {"title_en": "Red car", "keywords_en": ("car",)}),
            (striped({RED: 16, BLUE: 16}), {"description_en": "A car"}),
            (solid(BLUE), {}),
        ]
    )
    yield made
    made.close()


def test_columns_are_measured_for_each_row(world: World) -> None:
    text = TextQuery(should=(TextClause(words=("red",)), TextClause(words=("car",))))
    (red,) = world.encoder.encode_texts(["red"])
    (blue,) = world.encoder.encode_images([solid(BLUE)])
    query = RankingQuery(text, red, blue, image_weight=0.5)
    table = gather_features(world.index, query, np.array([0, 1, 2]))
    assert table.values.shape == (3, len(FEATURES))
    assert table.image_weight == 0.5
    assert (table.column("bm25_title") > 0).tolist() == [True, False, False]
    assert (table.column("bm25_keywords") > 0).tolist() == [True, False, False]
    assert (table.column("bm25_description") > 0).tolist() == [False, True, False]
    everything, one_of_two, nothing = table.column("coverage")
    assert (everything, nothing) == (1.0, 0.0)
    assert 0.0 < one_of_two < 1.0
    assert table.column("dense_similarity") == pytest.approx([1, np.sqrt(0.5), 0], abs=1e-3)
    assert table.column("image_similarity") == pytest.approx([0, np.sqrt(0.5), 1], abs=1e-3)
    assert table.column("authority").tolist() == [0.5, 0.5, 0.5]
    assert table.column("keyword_count").tolist() == [1.0, 0.0, 0.0]


def test_rare_words_cover_more_than_common_ones(tmp_path: Path) -> None:
    world = World(tmp_path)
    titles = ["red car", "car", "car", "car", "red"]
    world.add_many([(solid(RED), {"title_en": title}) for title in titles])
    text = TextQuery(should=(TextClause(words=("red",)), TextClause(words=("car",))))
    coverage = gather_features(world.index, RankingQuery(text), np.arange(5)).column("coverage")
    assert coverage[0] == 1.0
    assert coverage[4] > 0.5 > coverage[1] > 0.0
    world.close()


def test_a_word_no_image_holds_is_not_covered(world: World) -> None:
    text = TextQuery(should=(TextClause(words=("red",)), TextClause(words=("unicorn",))))
    coverage = gather_features(world.index, RankingQuery(text), np.arange(3)).column("coverage")
    assert coverage.tolist() == [0.5, 0.0, 0.0]


def test_words_beyond_those_whose_coverage_is_measured_still_score(world: World) -> None:
    words = [f"word{i}" for i in range(COVERAGE_TERMS)]
    text = TextQuery(should=tuple(TextClause(words=(word,)) for word in (*words, "car")))
    table = gather_features(world.index, RankingQuery(text), np.array([0, 2]))
    assert (table.column("bm25_title") > 0).tolist() == [True, False]
    assert table.column("coverage").tolist() == [0.0, 0.0]
    assert table.columns(["coverage", "authority"]).shape == (2, 2)
    assert len(table) == 2


def test_a_phrase_weighs_what_its_field_weighs(world: World) -> None:
    def phrase(*words: str) -> list[float]:
        query = RankingQuery(TextQuery(), phrase=TextClause(words=words, phrase=True))
        return [float(value) for value in gather_features(world.index, query, np.arange(3)).column("phrase")]

    assert phrase("red", "car") == [FIELD_WEIGHTS["title"], 0.0, 0.0]
    assert phrase("car") == [FIELD_WEIGHTS["title"], FIELD_WEIGHTS["description"], 0.0]
    assert phrase("car", "red") == [0.0, 0.0, 0.0]
    assert gather_features(world.index, RankingQuery(TextQuery()), np.arange(3)).column(
        "phrase"
    ).tolist() == [0, 0, 0]


def test_images_that_look_like_keyword_candidates_get_their_votes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add_many((solid(RED), {"title_en": "rose" if n < 4 else ""}) for n in range(5))
    world.add_many((solid(BLUE), {}) for _ in range(150))
    text = TextQuery(should=(TextClause(words=("rose",)),))
    table = gather_features(world.index, RankingQuery(text), np.arange(155))
    votes = table.column("keyword_votes")
    assert votes[4] > 0.0  # red without a word: four red roses speak for it
    assert votes[4] >= votes[0] > votes[10] == 0.0  # nobody votes for itself
    nothing = gather_features(world.index, RankingQuery(TextQuery()), np.arange(155)).column("keyword_votes")
    assert np.isnan(nothing).all()
    world.close()


def test_language_and_age_are_of_the_image_and_the_query(world: World) -> None:
    day = world.library.catalog.get_rows([0])[0].added.timestamp()
    query = RankingQuery(TextQuery(), lang="en", now=day + 9 * 86_400)
    table = gather_features(world.index, query, np.arange(3))
    assert table.column("language_match").tolist() == [1.0, 1.0, 0.0]
    assert table.column("age")[0] == pytest.approx(np.log(10), abs=1e-3)
    chinese = gather_features(world.index, RankingQuery(TextQuery(), lang="zh"), np.arange(3))
    assert chinese.column("language_match").tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(
        gather_features(world.index, RankingQuery(TextQuery()), np.arange(3)).column("language_match")
    ).all()


def test_what_was_not_asked_is_unknown_and_not_zero(world: World) -> None:
    table = gather_features(world.index, RankingQuery(TextQuery()), np.array([0]))
    assert np.isnan(table.column("dense_similarity")).all()
    assert np.isnan(table.column("image_similarity")).all()
    assert table.column("coverage").tolist() == [0.0]


def test_no_rows_have_no_features(world: World) -> None:
    empty = np.empty(0, np.int64)
    assert gather_features(world.index, RankingQuery(TextQuery()), empty).values.shape == (0, len(FEATURES))


def test_features_are_named_once_and_missing_means_what_the_spec_says() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    for spec in FEATURES:
        assert spec.missing == 0.0 or np.isnan(spec.missing)
        assert spec.low < spec.high


def test_quality_rises_with_size_and_detail_and_falls_with_blocks() -> None:
    def one(megapixels: float, sharpness: float, blockiness: float) -> float:
        return float(quality(*(np.array([x], np.float32) for x in (megapixels, sharpness, blockiness)))[0])

    assert one(0.01, 0, 5) == 0.0
    assert one(50, 12, 0) == 1.0
    assert one(2, 5, 0.1) < one(4, 5, 0.1)
    assert one(2, 5, 0.1) < one(2, 6, 0.1)
    assert one(2, 5, 0.1) > one(2, 5, 0.3)
    assert np.isnan(one(2, np.nan, 0.1))


class Recorded:
    """A BehaviorSource that remembers clicks of row 2, under the words "red" most of them."""

    def of_images(self, rows: Rows) -> BehaviorCounts:
        return self._of(rows, 4.0)

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        return self._of(rows, 3.0 if query == "red" else 0.0)

    def _of(self, rows: Rows, clicks: float) -> BehaviorCounts:
        hit = (rows == 2).astype(np.float32)
        return BehaviorCounts(hit * 40, hit * 20 * (clicks > 0), hit * clicks, hit * 0)


def test_behaviour_moves_a_belief_that_the_learned_score_begins(world: World) -> None:
    (red,) = world.encoder.encode_texts(["red"])
    query = RankingQuery(TextQuery(), red, words="red")
    table = gather_features(world.index, query, np.array([0, 1, 2]), Recorded())
    # the red picture stands first, the blue one last: 2 x dense_rank x 0.1
    assert table.column("image_clicks")[:2] == pytest.approx([0.2, 0.4 / 3])
    of_image = (10 * 0.2 / 3 + 4) / (10 + 20)
    assert table.column("image_clicks")[2] == pytest.approx(of_image)
    assert table.column("pair_clicks")[2] == pytest.approx((10 * of_image + 3) / (10 + 20))
    assert table.column("pair_clicks")[0] == pytest.approx(0.2)
    assert table.column("click_lift") == pytest.approx([0, 0, table.column("pair_clicks")[2] - 0.2 / 3])
    assert table.column("examinations") == pytest.approx([0, 0, np.log(21)])
    other = gather_features(
        world.index, RankingQuery(TextQuery(), red, words="blue"), np.arange(3), Recorded()
    )
    assert other.column("pair_clicks")[2] == pytest.approx(of_image)


def test_without_a_log_behaviour_is_unknown(world: World) -> None:
    table = gather_features(world.index, RankingQuery(TextQuery()), np.arange(2))
    assert np.isnan(table.columns(["image_clicks", "pair_clicks", "click_lift", "examinations"])).all()


def test_scores_are_compared_with_the_other_candidates(world: World) -> None:
    (red,) = world.encoder.encode_texts(["red"])
    text = TextQuery(should=(TextClause(words=("car",)),))
    table = gather_features(world.index, RankingQuery(text, red), np.array([0, 1, 2]))
    dense = table.column("dense_similarity").astype(np.float64)
    assert table.column("dense_z") == pytest.approx((dense - dense.mean()) / dense.std(), abs=1e-5)
    assert table.column("dense_rank") == pytest.approx([1, 2 / 3, 1 / 3])
    fields = [table.column(f"bm25_{field}") * weight for field, weight in FIELD_WEIGHTS.items()]
    assert table.column("bm25f") == pytest.approx(np.sum(fields, axis=0), rel=1e-6)


def test_every_feature_lies_in_its_range(world: World) -> None:
    (red,) = world.encoder.encode_texts(["red"])
    text = TextQuery(should=(TextClause(words=("car",)),))
    table = gather_features(world.index, RankingQuery(text, red, red, words="red"), np.arange(3), Recorded())
    for spec in FEATURES:
        values = table.column(spec.name)
        values = values[~np.isnan(values)]
        assert ((values >= spec.low - 1e-5) & (values <= spec.high + 1e-5)).all(), spec.name
    assert len({spec.name for spec in FEATURES}) == len(FEATURES)


@pytest.mark.parametrize(("examined", "clicks", "expected"), [(10, 8, 0.26), (30, 0, -0.05)])
def test_clicks_weigh_what_the_first_ranker_says_they_do(
    world: World, examined: float, clicks: float, expected: float
) -> None:
    class Once:
        def of_images(self, rows: Rows) -> BehaviorCounts:
            one = np.ones(len(rows), np.float32)
            return BehaviorCounts(one * 99, one * examined, one * clicks, one * 0)

        def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
            assert query == "red"
            return self.of_images(rows)

    table = gather_features(world.index, RankingQuery(TextQuery(), words="red"), np.arange(2), Once())
    assert CLICK_WEIGHT * table.column("click_lift") == pytest.approx([expected] * 2, abs=0.005)
