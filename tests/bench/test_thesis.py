"""The thesis bench: keywords of a measured accuracy, systems, clicks, claims and the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from thesis_worlds import a_world

from tusou.bench.thesis import clicks, emoji, experiment
from tusou.bench.thesis.clicks import Counts, own_log
from tusou.bench.thesis.collection import Collection
from tusou.bench.thesis.keywords import ACCURACIES, SLOTS, TITLE, draw_keywords
from tusou.bench.thesis.photos import photo_world
from tusou.bench.thesis.systems import FITTED, SYSTEMS, cold_start, measure, placebo
from tusou.bench.thesis.world import World
from tusou.errors import EvaluationError
from tusou.feedback.simulate import SIMULATORS
from tusou.ranking.learn import linear


@pytest.fixture(scope="module", autouse=True)
def one_penalty() -> Iterator[None]:
    """Cross-validating the penalty of linear rankers is tested elsewhere and takes a minute here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "RIDGES", (0.01,))
        patch.setattr(linear, "FOLDS", 10**6)
        yield


@pytest.fixture(scope="module")
def world() -> World:
    return a_world()


@pytest.fixture(scope="module")
def collection(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    made = Collection(world, draw_keywords(world, 0.3, "random", 0), tmp_path_factory.mktemp("thesis"))
    yield made
    made.close()


@pytest.mark.parametrize("accuracy", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("noise", ["random", "confusable"])
def test_keywords_are_as_right_as_asked_for(world: World, accuracy: float, noise: Any) -> None:
    drawn = draw_keywords(world, accuracy, noise, 1)
    pairs = [(row, concept) for row, concepts in enumerate(drawn.of_image) for concept in concepts]
    right = np.mean([world.truth[pair] for pair in pairs])
    assert right == pytest.approx(accuracy, abs=0.01)
    assert drawn.precision == pytest.approx(right)
    assert max(len(set(concepts)) for concepts in drawn.of_image) <= SLOTS
    assert all(len(set(concepts)) == len(concepts) for concepts in drawn.of_image)
    said = sum(world.truth[pair] for pair in pairs)
    assert drawn.recall == pytest.approx(said / world.truth.sum())


def test_equal_seeds_draw_equal_keywords(world: World) -> None:
    assert draw_keywords(world, 0.5, "random", 3).of_image == draw_keywords(world, 0.5, "random", 3).of_image
    assert draw_keywords(world, 0.5, "random", 3).of_image != draw_keywords(world, 0.5, "random", 4).of_image


def test_confusable_noise_is_confusable(world: World) -> None:
    shares = {}
    for noise in ("random", "confusable"):
        drawn = draw_keywords(world, 0.3, noise, 0)
        near = [set(world.confusable[row].ravel().tolist()) for row in map(np.flatnonzero, world.truth)]
        wrong = [
            concept in near[row]
            for row, concepts in enumerate(drawn.of_image)
            for concept in concepts
            if not world.truth[row, concept]
        ]
        shares[noise] = np.mean(wrong)
    assert shares["confusable"] > 3 * shares["random"]


def test_keyword_recall_finds_exactly_the_images_with_the_word(collection: Collection, world: World) -> None:
    for query in (0, 1, 7):
        asked = np.flatnonzero([world.queries[query].q in texts for texts in world.concepts])[0]
        holding = {row for row, said in enumerate(collection.keywords.of_image) if asked in said}
        assert set(collection.lexical[query].rows.tolist()) == holding
        titled = [row for row in holding if asked in collection.keywords.of_image[row][:TITLE]]
        if titled:
            assert collection.lexical[query].rows[0] in titled


def test_every_system_answers_and_the_oracle_is_the_best(collection: Collection, world: World) -> None:
    answers = cold_start(collection, world.deep["good"], 0)
    assert set(answers) == set(SYSTEMS)
    means = {name: measure(collection, lists, world.test.tolist()).mean() for name, lists in answers.items()}
    assert means["oracle"] == max(means.values())
    assert means["S0"] == min(means.values())
    assert means["S4"] > means["S1"]  # these embeddings know the truth
    assert max(means["S7"], means["S8"]) > means["S3"]


def test_a_senseless_score_leaves_traditional_ranking(collection: Collection, world: World) -> None:
    answers = cold_start(collection, world.deep["good"], 0)
    test = world.test.tolist()
    senseless = measure(collection, placebo(collection, world.deep["good"], 0), test).mean()
    assert senseless == pytest.approx(measure(collection, answers["S2"], test).mean(), abs=0.03)
    assert senseless < measure(collection, answers["S7"], test).mean() - 0.05


def test_clicks_lift_traditional_ranking(
    collection: Collection, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clicks, "SESSIONS", (0, 20_000))
    before, after = own_log(collection, FITTED["S2"], world.deep["good"], SIMULATORS["position-1"], 0)
    assert after.mean() > before.mean() + 0.05


def test_counts_are_sums_of_what_was_shown(collection: Collection) -> None:
    counts = Counts.none(collection)
    counts.add(3, np.array([5, 9]), np.array([2, 1]), times=4)
    counts.add(4, np.array([9]), np.array([1]), times=1)
    pair = counts.of_pairs("3", np.array([9, 5, 1]))
    assert pair.clicks.tolist() == [1, 2, 0]
    assert pair.examinations.tolist() == [2, 4, 0]
    assert counts.of_images(np.array([9])).clicks.tolist() == [2]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Path]]:
    """One seed of a run with two steps of clicks and one simulator."""
    place = tmp_path_factory.mktemp("run") / "emoji-0.json"
    with pytest.MonkeyPatch.context() as patch:
        for module in (clicks, experiment):
            patch.setattr(module, "SESSIONS", (0, 500))
        patch.setattr(experiment, "CLICKERS", ("cascade",))
        patch.setattr(experiment, "ACCURACIES", (0.3, 0.9))
        yield experiment.run_seed(a_world, 0, place), place


def test_a_finished_seed_is_read_and_not_run_again(small: tuple[dict[str, Any], Path]) -> None:
    report, place = small

    def never() -> World:
        raise AssertionError

    assert experiment.run_seed(never, 0, place) == json.loads(json.dumps(report))


def test_without_npm_the_drawings_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(EvaluationError, match=r"install Node\.js, or leave world A out with --world photos"):
        emoji.fetch_packages(tmp_path)


def test_photos_need_their_folder(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"captions\.jsonl is missing"):
        photo_world(tmp_path, None, 0)  # type: ignore[arg-type] # is never reached


def test_queries_are_asked_in_both_languages() -> None:
    assert emoji.ask(("cat", "猫"), "en", None) == "cat"
    assert emoji.ask(("cat", "猫"), "en", "red") == "cat on a red background"
    assert emoji.ask(("cat", "猫"), "zh", "red") == "红色背景的猫"


def test_the_accuracies_hold_the_one_the_thesis_is_about() -> None:
    assert experiment.CENTRE in ACCURACIES
