"""Verdicts: a claim holds exactly when the figures say so, and can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tusou.bench.thesis.claims import Verdict, against_s3, verdicts
from tusou.bench.thesis.clicks import SESSIONS
from tusou.bench.thesis.experiment import ABLATIONS, CENTRE, CLICKERS, NOISES
from tusou.bench.thesis.keywords import ACCURACIES
from tusou.bench.thesis.report import write_report
from tusou.bench.thesis.systems import SYSTEMS

QUERIES = 40
FAITHFUL: dict[str, float] = {
    "S0": 0.01,
    "S1": 0.3,
    "S2": 0.32,
    "S3": 0.3,
    "S4": 0.6,
    "S5": 0.4,
    "S6": 0.6,
    "S7": 0.65,
    "S8": 0.64,
    "S9": 0.4,
    "oracle": 0.95,
}


def _values(mean: float, rng: np.random.Generator) -> list[float]:
    return [float(value) for value in np.clip(mean + 0.05 * (rng.random(QUERIES) - 0.5), 0, 1)]


def a_report(seed: int = 0, **changes: float) -> dict[str, Any]:
    """A run in which every claim holds, unless a figure is changed.

    Changes: a system's name (its mean at every accuracy), ``placebo``, ``refusal``, ``confusable`` (S4),
    ``tail`` (S3 after all clicks), ``late`` (S4 at the highest accuracy).
    """
    rng = np.random.default_rng(seed)
    means = {**FAITHFUL, **{name: value for name, value in changes.items() if name in FAITHFUL}}

    def system(name: str, noise: str, accuracy: float) -> float:
        if name == "S1":
            return means[name] + 0.25 * (accuracy - CENTRE)
        if name == "S4" and noise == "confusable":
            return changes.get("confusable", means[name])
        if name == "S4" and accuracy == ACCURACIES[-1]:
            return changes.get("late", means[name])
        return means[name]

    def measured(mean: float) -> dict[str, list[float]]:
        return {name: _values(mean, rng) for name in ("nDCG@10", "P@10", "RR@10", "Recall@100")}

    head = [True] * 10 + [False] * (QUERIES - 10)

    def clicks() -> dict[str, list[list[float]]]:
        found = {}
        for name in ("S2", "S3", "S7", "S8"):
            steps = []
            for step in range(len(SESSIONS)):
                rise = step / (len(SESSIONS) - 1)
                rare = means[name] + rise * (changes.get("tail", 0.5) - means[name])
                often = means[name] + rise * (0.7 - means[name])
                fused = name in ("S7", "S8")
                steps.append([(0.8 if fused else often) if h else (0.8 if fused else rare) for h in head])
            found[name] = steps
        return found

    deep = {"S4": measured(0.6), "S5": measured(0.4), "auc": 0.8}
    return {
        "world": "emoji",
        "seed": seed,
        "images": 900,
        "seconds": 60.0,
        "compound": [False, True] * (QUERIES // 2),
        "languages": ["en", "zh"] * (QUERIES // 2),
        "refusal": {"cca": changes.get("refusal", 0.9)},
        "cold": [
            {
                "noise": noise,
                "accuracy": accuracy,
                "systems": {name: measured(system(name, noise, accuracy)) for name in SYSTEMS},
            }
            for noise in NOISES
            for accuracy in ACCURACIES
        ],
        "variants": {"cca": deep},
        "variants_confusable": {"cca": deep},
        "placebo": measured(changes.get("placebo", means["S2"])),
        "ablation": {name: _values(0.5, rng) for name in ABLATIONS},
        "clicks": {"head": head, "own": {name: clicks() for name in CLICKERS}, "common": clicks()},
    }


def judged(**changes: float) -> dict[str, Verdict]:
    return {each.claim: each for each in verdicts([a_report(seed, **changes) for seed in range(2)])}


def test_every_claim_can_hold() -> None:
    found = judged()
    assert {claim for claim, verdict in found.items() if not verdict.holds} == set()
    assert list(found) == ["C1", "C2", "C3", "C4", "C5", "C6", "R"]


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"S4": 0.40}, {"C1", "C4"}),
        ({"S7": 0.5, "S8": 0.5}, {"C2"}),
        ({"late": 0.9}, {"C2", "C3"}),
        ({"tail": 0.7}, {"C4"}),
        ({"placebo": 0.4}, {"C5"}),
        ({"refusal": 0.6}, {"C6"}),
        ({"confusable": 0.33}, {"R"}),
    ],
)
def test_every_claim_can_fail(changes: dict[str, float], failing: set[str]) -> None:
    assert {claim for claim, verdict in judged(**changes).items() if not verdict.holds} == failing


def test_systems_are_compared_with_s3_in_pairs() -> None:
    found = against_s3([a_report()], "random")
    assert "S3" not in [name for name, *_ in found]
    ((mean, (low, high), chance),) = [
        (mean, interval, chance) for name, mean, interval, chance in found if name == "S4"
    ]
    assert low < mean < high
    assert mean == pytest.approx(0.3, abs=0.02)
    assert chance < 0.01


@pytest.mark.train
def test_the_report_shows_verdicts_and_pictures(tmp_path: Path) -> None:
    results = write_report([a_report(seed) for seed in range(2)], tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("holds") >= 7
    for name in ("accuracy", "clicks", "ablation"):
        assert (tmp_path / f"emoji-{name}.png").stat().st_size > 10_000
        assert f"emoji-{name}.png" in page
    assert [each["claim"] for each in results["emoji"]["verdicts"]] == [
        "C1",
        "C2",
        "C3",
        "C4",
        "C5",
        "C6",
        "R",
    ]
