"""The ranking bench gives a whole report."""

from __future__ import annotations

from pathlib import Path

from tusou.bench.ranking import measure_ranking
from tusou.ranking.features import FEATURES


def test_a_small_run_gives_a_whole_report(tmp_path: Path) -> None:
    report = measure_ranking(2500, 16, 3, tmp_path, lambda _: None)
    assert (report["candidates"], report["features"]) == (1000, len(FEATURES))
    assert set(report["stages_ms"]) == {
        "all features",
        *(
            f"{name}: {what}"
            for name in ("convex", "linear", "trees")
            for what in ("rank", "explain 30 hits")
        ),
    }
    assert all(figures["p50"] > 0 for figures in report["stages_ms"].values())
