"""The report: one HTML page with its pictures, and the same figures as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tusou.bench.thesis.claims import (
    MEASURE,
    Report,
    against_s3,
    clicked,
    cold,
    learned,
    verdicts,
)
from tusou.bench.thesis.clicks import SESSIONS
from tusou.bench.thesis.experiment import ABLATIONS, CENTRE, NOISES
from tusou.bench.thesis.keywords import ACCURACIES
from tusou.bench.thesis.systems import FITTED, SYSTEMS
from tusou.bench.thesis.world import TEST_QUERIES
from tusou.catalog.durable import dump_json

TITLES = {"emoji": "World A: scenes of drawings", "photos": "World B: natural photos"}
ABOUT = {
    "emoji": "Scenes of one to four emoji on eight backgrounds; learnt on three styles of drawing, tested on "
    "a fourth and on new compositions. One query in three also names the background, which no keyword says.",
    "photos": "Flickr8k's dev photos; keywords and relevance from five captions in each language. The "
    "shipped model was trained on the train split. One query in three is of two words.",
}
DRAWN = ("S1", "S2", "S3", "S4", "S6", "S7", "S8", "S9")


def write_report(reports: Sequence[Report], folder: Path) -> dict[str, Any]:
    """Write ``report.html``, its pictures and ``results.json``.

    Args:
        reports: Of all seeds and worlds.
        folder: Made if missing.

    Returns:
        What results.json holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    worlds = [_world([each for each in reports if each["world"] == name], folder) for name in _names(reports)]
    template = (files("tusou.bench.thesis") / "report.html").read_text("utf-8")
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(template)
    html = page.render(
        worlds=worlds,
        seeds=len({each["seed"] for each in reports}),
        test=TEST_QUERIES,
        minutes=round(sum(each["seconds"] for each in reports) / 60),
    )
    (folder / "report.html").write_text(html, "utf-8")
    results = {
        world["name"]: {
            "verdicts": [asdict(verdict) for verdict in world["verdicts"]],
            "systems": world["systems"],
            "scores": world["scores"],
            "curves": world["curves"],
        }
        for world in worlds
    }
    (folder / "results.json").write_bytes(dump_json(results))
    return results


def _names(reports: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys(each["world"] for each in reports))


def _world(reports: Sequence[Report], folder: Path) -> dict[str, Any]:
    name = str(reports[0]["world"])
    curves = _curves(reports)
    _draw(curves, name, folder)
    both = [against_s3(reports, noise) for noise in NOISES]
    return {
        "name": name,
        "title": TITLES[name],
        "about": f"{ABOUT[name]} {reports[0]['images']:,} images.",
        "verdicts": verdicts(reports),
        "columns": [
            "nDCG@10",
            "P@10",
            "RR@10",
            "Recall@100",
            "English",
            "Chinese",
            "compound",
            "others",
            "confusable",
        ],
        "systems": [_system(reports, system) for system in SYSTEMS],
        "differences": [
            [first[0], *(cell for each in pair for cell in _difference(each))]
            for pair in zip(*both, strict=True)
            for first in pair[:1]
        ],
        "scores": _scores(reports),
        "curves": curves,
    }


def _difference(found: tuple[str, float, tuple[float, float], float]) -> list[str]:
    _, mean, (low, high), chance = found
    return [f"{mean:+.3f}", f"{low:+.3f} … {high:+.3f}", f"{chance:.4f}"]


def _system(reports: Sequence[Report], system: str) -> list[str]:
    measured = [cold(reports, "random", CENTRE, system, m) for m in (MEASURE, "P@10", "RR@10", "Recall@100")]
    languages = np.concatenate([report["languages"] for report in reports])
    compound = np.concatenate([report["compound"] for report in reports]).astype(bool)
    value = measured[0]
    cells = [
        *(each.mean() for each in measured),
        value[languages == "en"].mean(),
        value[languages == "zh"].mean(),
        value[compound].mean(),
        value[~compound].mean(),
        cold(reports, "confusable", CENTRE, system).mean(),
    ]
    return [system, SYSTEMS[system], *(f"{cell:.3f}" for cell in cells)]


def _scores(reports: Sequence[Report]) -> list[list[str]]:
    def mean(pick: Any) -> str:
        return f"{np.mean([np.mean(pick(report)) for report in reports]):.3f}"

    return [
        [
            name,
            mean(lambda r, n=name: r["variants"][n]["auc"]),
            mean(lambda r, n=name: r["variants"][n]["S4"][MEASURE]),
            mean(lambda r, n=name: r["variants"][n]["S5"][MEASURE]),
            mean(lambda r, n=name: r["variants_confusable"][n]["S4"][MEASURE]),
            mean(lambda r, n=name: r["refusal"][n]),
        ]
        for name in reports[0]["variants"]
    ]


def _curves(reports: Sequence[Report]) -> dict[str, Any]:
    return {
        "accuracies": ACCURACIES,
        "accuracy": {
            noise: {
                system: [round(float(cold(reports, noise, a, system).mean()), 4) for a in ACCURACIES]
                for system in SYSTEMS
            }
            for noise in NOISES
        },
        "sessions": SESSIONS,
        "clicks": {
            f"{log} log, {kept}": {
                **{
                    system: [
                        round(float(clicked(reports, log, system, step, kept).mean()), 4)
                        for step in range(len(SESSIONS))
                    ]
                    for system in FITTED
                },
                "S4": [round(float(learned(reports, kept).mean()), 4)] * len(SESSIONS),
            }
            for log, kept in (("own", "all"), ("own", "head"), ("own", "tail"), ("common", "all"))
        },
        "ablation": {
            "everything": round(float(cold(reports, "random", CENTRE, "S7").mean()), 4),
            **{
                f"without {group}": round(float(np.mean([np.mean(r["ablation"][group]) for r in reports])), 4)
                for group in ABLATIONS
            },
        },
    }


def _draw(curves: Mapping[str, Any], name: str, folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
    for axis, noise in zip(axes, NOISES, strict=True):
        for system in DRAWN:
            axis.plot(
                [100 * a for a in ACCURACIES],
                curves["accuracy"][noise][system],
                marker=".",
                label=_label(system),
            )
        axis.set(title=f"{noise} noise, no clicks", xlabel="keywords right, % (measured)", ylabel=MEASURE)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=7)
    figure.savefig(folder / f"{name}-accuracy.png", dpi=100)
    plt.close(figure)

    figure, axes = plt.subplots(
        1, len(curves["clicks"]), figsize=(14, 3.8), layout="constrained", sharey=True
    )
    for axis, (title, lines) in zip(axes, curves["clicks"].items(), strict=True):
        for system, values in lines.items():
            axis.plot(range(len(SESSIONS)), values, marker=".", label=_label(system))
        axis.set_xticks(range(len(SESSIONS)), [f"{count // 1000}k" for count in SESSIONS])
        axis.set(title=title, xlabel="searches")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(MEASURE)
    axes[-1].legend(fontsize=7)
    figure.savefig(folder / f"{name}-clicks.png", dpi=100)
    plt.close(figure)

    figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
    names, values = list(curves["ablation"]), list(curves["ablation"].values())
    axis.barh(names[::-1], values[::-1], color="tab:gray")
    axis.set(xlabel=f"{MEASURE} of S7 at {CENTRE:.0%}, no clicks")
    figure.savefig(folder / f"{name}-ablation.png", dpi=100)
    plt.close(figure)


def _label(system: str) -> str:
    return f"{system} {SYSTEMS[system]}"
