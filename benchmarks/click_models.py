"""What clicks say about images when people behave otherwise than the estimator believes.

    python benchmarks/click_models.py --output FILE

50 queries with 20 images each, shown in one imperfect order of which a share of the answers is swapped once;
simulated people ask by Zipf and click. Images are then ordered by what the clicks say, and that order is
measured against the true grades: nDCG@10, exponential gain, queries without a relevant image left out. Takes
about a minute.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from tusou.feedback.attraction import LARGEST_WEIGHT, attraction
from tusou.feedback.examination import Examination, prior_examination
from tusou.feedback.explore import swap
from tusou.feedback.simulate import SIMULATORS, zipf_queries
from tusou.feedback.tallies import Floats, Ints, Tallies

QUERIES, IMAGES, SESSIONS, SEEDS = 50, 20, 20_000, 3
SHARES = (0.05, 1.0)
CELLS = np.array([(rank, 1, 1) for rank in range(1, IMAGES + 1)])


def simulate(model: str, share: float, seed: int) -> tuple[Ints, Ints, Tallies]:
    """True grades (queries, images), the order shown, and the sums of a simulated log."""
    rng = np.random.default_rng(seed)
    grades = rng.choice(3, (QUERIES, IMAGES), p=[0.6, 0.25, 0.15])
    shown = np.argsort(-(grades + rng.normal(0, 1.5, grades.shape)), axis=1)
    asked = zipf_queries(QUERIES, SESSIONS, rng)
    order = shown[asked]
    for i in np.flatnonzero(rng.random(SESSIONS) < share):
        order[i] = order[i][swap(IMAGES, rng=rng, distances=(1, 2, 5)).order]
    clicks = SIMULATORS[model](np.take_along_axis(grades[asked], order, 1), rng)
    return grades, shown, tally(asked, order, clicks)


def tally(asked: Ints, order: Ints, clicks: np.ndarray) -> Tallies:
    """Sum single impressions up."""
    cell = np.broadcast_to(np.arange(IMAGES), order.shape)
    keys = np.stack([np.broadcast_to(asked[:, None], order.shape), order, cell], axis=-1).reshape(-1, 3)
    distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
    seen = np.bincount(inverse.ravel()).astype(np.float64)
    chosen = np.bincount(inverse.ravel(), clicks.ravel().astype(np.float64))
    texts, images = ([str(i) for i in range(count)] for count in (QUERIES, IMAGES))
    return Tallies(texts, images, CELLS, *distinct.T, seen, chosen, np.zeros(len(seen)))


def ndcg(scores: Floats, grades: Ints) -> float:
    """Mean nDCG@10 over queries with a relevant image."""
    discounts = 1 / np.log2(np.arange(10) + 2)
    found = np.take_along_axis(grades, np.argsort(-scores, axis=1, kind="stable")[:, :10], 1)
    best = -np.sort(-grades, axis=1)[:, :10]
    gains, ideal = ((2.0**each - 1) @ discounts for each in (found, best))
    return float((gains[ideal > 0] / ideal[ideal > 0]).mean())


def measure(model: str, share: float, seed: int) -> dict[str, float]:
    """nDCG@10 of the shown order and of the orders clicks give."""
    grades, shown, tallies = simulate(model, share, seed)
    asked = np.unique(tallies.text)
    estimated = Examination.estimate(tallies)
    weights = {
        "impressions": np.ones(IMAGES),
        "one_over_rank": np.maximum(prior_examination(CELLS), 1 / LARGEST_WEIGHT),
        "estimated": estimated.counted(CELLS),
        "estimated_unbounded": estimated.of(CELLS),
    }
    figures = {"shown": ndcg(-np.argsort(shown, axis=1).astype(np.float64)[asked], grades[asked])}
    pair = tallies.text * IMAGES + tallies.image
    clicks = np.bincount(pair, tallies.clicks, QUERIES * IMAGES)
    for name, weight in weights.items():
        examined = np.bincount(pair, tallies.impressions * weight[tallies.cell], QUERIES * IMAGES)
        prior = np.full(len(clicks), clicks.sum() / examined.sum())
        figures[name] = ndcg(attraction(clicks, examined, prior).reshape(grades.shape)[asked], grades[asked])
    return figures


def main() -> None:
    """Run every model and share, and write the means over seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    output = parser.parse_args().output
    rows: list[dict[str, Any]] = []
    for share in SHARES:
        for model in SIMULATORS:
            runs = [measure(model, share, seed) for seed in range(SEEDS)]
            means = {name: round(float(np.mean([run[name] for run in runs])), 4) for name in runs[0]}
            rows.append({"people": model, "swapped": share, **means})
            print(rows[-1])
    output.write_text(json.dumps({"sessions": SESSIONS, "seeds": SEEDS, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
