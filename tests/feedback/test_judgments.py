"""Judgments, swaps and simulated logs: small cases by hand, and truth recovered from simulations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from feedback_builders import NOW, event, query, write
from scipy import stats

from tusou.evaluation.qrels import read_judgments
from tusou.feedback.examination import Examination
from tusou.feedback.explore import SWAP_PROPENSITY, swap
from tusou.feedback.judgments import ClickJudgment, export_judgments, judge
from tusou.feedback.records import LoggedEvent, LoggedQuery
from tusou.feedback.simulate import SIMULATION, SIMULATORS, rank_examination
from tusou.feedback.simulated_log import simulated_log
from tusou.feedback.store import EventStore
from tusou.feedback.swaps import SwapCounts
from tusou.feedback.tallies import Tallies


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(tmp_path / "events.sqlite") as store:
        yield store


def tallies(shown: list[float], clicks: list[float]) -> Tallies:
    """One query's images, each at the top of its own answers."""
    n = len(shown)
    numbers = np.arange(n)
    zeros = np.zeros(n, np.int64)
    cells = np.array([[1, 1, 1]])
    images = [f"i{i}" for i in range(n)]
    return Tallies(
        ["雪"], images, cells, zeros, numbers, zeros, np.array(shown), np.array(clicks), np.zeros(n)
    )


def test_grades_are_lifts_over_the_mean_and_confidence_is_the_mass_between_their_bounds() -> None:
    counted = tallies([1000, 1000, 1000, 1000, 0], [10, 150, 300, 540, 0])
    found = list(judge(counted, Examination.estimate(counted)))
    mean = 1000 / 4000
    smoothed = [
        (10 * mean + k) / (10 + n) / mean for n, k in zip([1000] * 4, [10, 150, 300, 540], strict=True)
    ]
    assert [each.grade for each in found[:4]] == [
        sum(lift >= bound for bound in (1, 2, 4)) for lift in smoothed
    ]
    third = stats.beta(10 * mean + 300, 10 * (1 - mean) + 700)
    assert found[2].confidence == pytest.approx(third.cdf(2 * mean) - third.cdf(mean))
    assert found[4].confidence < 0.6  # never shown: the prior, and nobody knows
    assert {each.text for each in found} == {"雪"}
    assert (found[1].clicks, found[1].examinations) == (150, 1000)


def test_a_log_without_clicks_judges_nothing() -> None:
    counted = tallies([10, 10], [0, 0])
    assert list(judge(counted, Examination.estimate(counted))) == []


def test_searches_by_picture_judge_nothing() -> None:
    counted = tallies([10, 10], [5, 0])
    counted.texts[0] = ""
    assert list(judge(counted, Examination.estimate(counted))) == []


def test_images_without_a_name_in_qrels_are_left_out(tmp_path: Path) -> None:
    judged = [ClickJudgment("words", image, 2, 0.9, 5, 9.5) for image in ("a", "b", "c")]
    assert export_judgments(tmp_path / "out", judged, {"a": "acme/a", "b": "acme/b b"}) == 1
    assert [each.doc_id for each in read_judgments(tmp_path / "out" / "judgments.qrels")] == ["acme/a"]


@pytest.mark.parametrize("model", SIMULATORS)
def test_judgments_from_any_kind_of_people_order_images_as_their_grades_do(
    store: EventStore, model: str
) -> None:
    """Five orders of the same images are shown; the estimator's model is not that of most simulators."""
    rng = np.random.default_rng(0)
    truth = np.array([0, 0, 1, 1, 2, 2])
    orders = [rng.permutation(6) for _ in range(5)]
    for turn, order in enumerate(orders):
        log = simulated_log(
            ["snow"], [tuple(f"i{i}" for i in order)], truth[order][None], SIMULATORS[model],
            sessions=800, seed=turn, start=NOW,
        )  # fmt: skip
        searches = list(log)
        clicks = [click for _, done in searches for click in done]
        write(store, *(asked for asked, _ in searches), *clicks, now=NOW + 10**9)
    counted = Tallies.read(store, applications=[SIMULATION])
    found = {each.image_id: each for each in judge(counted, Examination.estimate(counted))}
    rates = [found[f"i{i}"].clicks / found[f"i{i}"].examinations for i in range(6)]
    assert max(rates[:2]) < min(rates[2:4])
    assert max(rates[2:4]) < min(rates[4:])


def test_a_simulated_log_is_marked_seeded_and_clicks_only_what_was_shown() -> None:
    arguments = (["a", "b"], [("x", "y"), ("z",)], np.array([[2, 0], [2, -1]]), SIMULATORS["trust"])
    first = list(simulated_log(*arguments, sessions=500, seed=1, start=NOW))
    assert first == list(simulated_log(*arguments, sessions=500, seed=1, start=NOW))
    assert first != list(simulated_log(*arguments, sessions=500, seed=2, start=NOW))
    assert {asked.application for asked, _ in first} == {SIMULATION}
    asked_for = [asked.user_query for asked, _ in first]
    assert asked_for.count("a") > asked_for.count("b")
    for asked, done in first:
        assert all(asked.hits[each.ordinal - 1] == each.object_id for each in done)


def test_swaps_in_a_log_give_examination_back(store: EventStore) -> None:
    """Four images in a grid of two columns, places swapped by a coin; the model of images is never used."""
    rng = np.random.default_rng(3)
    truth = np.array([1.0, 0.8, 0.5, 0.3])
    attract = np.array([0.9, 0.5, 0.7, 0.6])
    records: list[LoggedQuery | LoggedEvent] = []
    for i in range(4000):
        changed = swap(4, rng=rng, distances=(1, 2))
        hits = tuple("abcd"[place] for place in changed.order)
        records.append(query(f"q{i}", hits=hits, explored=changed.propensities))
        clicked = rng.random(4) < truth * attract[changed.order]
        for rank in changed.propensities:
            row, column = divmod(rank - 1, 2)
            place = {"query_id": f"q{i}", "row": row + 1, "column": column + 1, "columns": 2}
            records.append(event(f"s{rank}", "impression", hits[rank - 1], **place))
            if clicked[rank - 1]:
                records.append(event(f"c{rank}", "click", hits[rank - 1], **place))
    write(store, *records)
    counts = SwapCounts.read(store)
    assert counts.cells.tolist() == [[1, 1, 2], [1, 2, 2], [2, 1, 2], [2, 2, 2]]
    assert np.allclose(counts.examination(), truth, atol=0.07)


def test_answers_that_were_not_swapped_are_no_swaps(store: EventStore) -> None:
    half = SWAP_PROPENSITY
    write(
        store,
        query("q1"),
        query("q2", explored={4: 0.3, 9: 0.2}),
        query("q3", explored={4: half}),
        query("q4", explored={1: half, 2: half}),  # one of its places was not seen
        event("1", "impression", "a", query_id="q4"),
    )
    counts = SwapCounts.read(store)
    assert len(counts.pairs) == 0
    assert counts.examination().shape == (0,)
    assert rank_examination(2, 1.0).tolist() == [1.0, 0.5]
