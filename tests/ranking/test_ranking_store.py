"""Rankers are read back as written, promoted for a reason, and taken back; damage keeps the old one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from ranking_worlds import judged

from tusou.errors import RankerError
from tusou.ranking.base import Parts, Ranker, Scores
from tusou.ranking.features import FEATURES, FeatureTable
from tusou.ranking.files import HeldOut, LearnedRanker, load_ranker, read_manifest, save_ranker
from tusou.ranking.learn.linear import fit_linear
from tusou.ranking.learn.trees import fit_trees
from tusou.ranking.promotion import check_promotion, check_sane, random_table
from tusou.ranking.store import BUILT_IN, RankerStore
from tusou.search.followed_files import live_ranker

LINEAR: LearnedRanker = fit_linear(judged())
TREES: LearnedRanker = fit_trees(judged(), trees=20)
QUERIES = tuple(f"q{i}" for i in range(10))


def held(gain: float, baseline: str = "convex") -> HeldOut:
    """Ten queries, each better by the gain."""
    return HeldOut(
        measure="nDCG@10", baseline=baseline, query_ids=QUERIES, ranker=(0.5 + gain,) * 10, before=(0.5,) * 10
    )


def add(store: RankerStore, name: str, ranker: LearnedRanker = LINEAR, result: HeldOut | None = None) -> None:
    save_ranker(store.path(name), name, ranker, {"queries": 10}, result)


@pytest.mark.parametrize("ranker", [LINEAR, TREES])
def test_a_ranker_comes_back(tmp_path: Path, ranker: LearnedRanker) -> None:
    save_ranker(tmp_path / "r", "r", ranker, {"queries": 60}, held(0.1))
    table = random_table(50)
    back = load_ranker(tmp_path / "r")
    np.testing.assert_array_equal(back.rank(table).values, ranker.rank(table).values)
    assert read_manifest(tmp_path / "r").training == {"queries": 60}


@pytest.mark.parametrize(("ranker", "file"), [(LINEAR, "linear.json"), (TREES, "trees.txt")])
def test_an_edited_file_is_refused(tmp_path: Path, ranker: LearnedRanker, file: str) -> None:
    save_ranker(tmp_path / "r", "r", ranker, {}, None)
    path = tmp_path / "r" / file
    path.write_text(path.read_text("utf-8").replace("1", "2", 1), "utf-8")
    with pytest.raises(RankerError, match="edited") as caught:
        load_ranker(tmp_path / "r")
    assert caught.value.reason == "ranker_damaged"


def test_other_features_are_refused(tmp_path: Path) -> None:
    save_ranker(tmp_path / "r", "r", LINEAR, {}, None)
    path = tmp_path / "r" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["features"][0]["version"] = 99
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(RankerError, match="bm25f version 99") as caught:
        load_ranker(tmp_path / "r")
    assert caught.value.reason == "ranker_features"
    path.write_text("{}", "utf-8")
    with pytest.raises(RankerError, match="schema 1"):
        load_ranker(tmp_path / "r")
    with pytest.raises(RankerError, match="rankers list"):
        load_ranker(tmp_path / "gone")


def test_a_better_ranker_goes_live_and_is_taken_back(tmp_path: Path) -> None:
    store = RankerStore(tmp_path)
    assert (store.live(), store.names()) == (BUILT_IN, [])
    add(store, "better", result=held(0.1))
    add(store, "best", TREES, held(0.2, baseline="better"))
    store.promote("better")
    store.promote("best")
    assert (store.live(), store.names()) == ("best", ["best", "better"])
    assert store.rollback() == "better"
    assert store.rollback() == BUILT_IN
    with pytest.raises(RankerError, match="no ranker was live before"):
        store.rollback()


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, "nothing is known"),
        (held(0.0), "changes by"),
        (held(-0.1), "changes by -0.1000"),
        (held(0.1, baseline="other"), "compared with other"),
    ],
)
def test_what_is_not_proven_better_stays_out(tmp_path: Path, result: HeldOut | None, problem: str) -> None:
    store = RankerStore(tmp_path)
    add(store, "new", result=result)
    with pytest.raises(RankerError, match=problem) as caught:
        store.promote("new")
    assert caught.value.reason == "not_promoted"
    assert store.live() == BUILT_IN


def test_a_lucky_gain_is_not_enough(tmp_path: Path) -> None:
    store = RankerStore(tmp_path)
    values = (0.9, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    lucky = HeldOut(
        measure="nDCG@10", baseline="convex", query_ids=QUERIES, ranker=values, before=(0.5,) * 10
    )
    add(store, "lucky", result=lucky)
    with pytest.raises(RankerError, match=r"p = 0\.250"):
        store.promote("lucky")
    store.promote("lucky", alpha=0.3)
    assert store.live() == "lucky"


class Constant(Ranker):
    """Gives everything the same score."""

    name = "constant"

    def __init__(self, value: float) -> None:
        self.value = value

    def rank(self, features: FeatureTable) -> Scores:
        nothing = np.zeros(1)
        return Scores(
            ("bm25f",), np.full(len(features), self.value), lambda _: Parts(nothing, nothing, nothing)
        )


@pytest.mark.parametrize(("value", "problem"), [(np.nan, "no finite numbers"), (1.0, "the same score")])
def test_insane_scores_are_refused(value: float, problem: str) -> None:
    with pytest.raises(RankerError, match=problem):
        check_sane(Constant(value), random_table(10))
    with pytest.raises(RankerError, match=problem):
        check_promotion(Constant(value), LINEAR, held(0.1), live="convex", alpha=0.05)


def test_the_random_table_lies_in_the_ranges() -> None:
    table = random_table()
    for spec in FEATURES:
        known = table.column(spec.name)[~np.isnan(table.column(spec.name))]
        assert 0 < len(known) <= len(table)
        assert (len(known) < len(table)) == bool(np.isnan(spec.missing))
        assert (known >= spec.low).all()
        assert (known <= spec.high).all()


def test_a_server_follows_the_pointer_and_outlives_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, live = RankerStore(tmp_path), live_ranker(tmp_path)
    assert live().name == "convex"
    add(store, "better", result=held(0.1))
    store.promote("better")
    assert live().name == "linear"
    add(store, "best", TREES, held(0.2, baseline="better"))
    store.promote("best")
    assert live().name == "trees"
    (store.path("better") / "linear.json").write_text("{}", "utf-8")
    store.pointer.write_text('{"live": "better", "before": []}', "utf-8")
    os.utime(store.pointer, ns=(1, 1))
    assert live().name == "trees"  # the damaged one is not taken
    assert "better" in caplog.text
    store.pointer.write_text("not JSON", "utf-8")
    assert live().name == "trees"
    with pytest.raises(RankerError, match="delete it"):
        store.live()
