"""Show that each image tower learns: two handwritten digits told apart, from scratch, on one core.

    python benchmarks/towers_learn.py --data mnist.npz

Zeros and ones are enlarged to the smallest input the tower takes and repeated over three channels. That says
that gradients reach the weights and that the weights move the right way; it says nothing of what a tower
reaches on photos. A tower stops when its loss is a tenth of a guess's, or when its CPU time is spent. Writes
benchmarks/results/towers_learn.json, after every tower, and docs/images/towers-learn.png.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from tusou.bench.machine import machine
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.registry import build_image_tower

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "towers_learn.json"
PICTURE = ROOT / "docs" / "images" / "towers-learn.png"

BATCH = 32
TESTED = 500
CLASSES = 2
GUESS = float(np.log(CLASSES))
"""Loss of a guess."""

FLOOR = 1e-3
"""Losses below are drawn here."""

FAST, SLOW = 1e-3, 1e-4
"""Learning rates of Adam; towers without batch norm diverge at the fast one."""

TOWERS = {  # input side, learning rate
    "lenet5_1998": (32, FAST),
    "alexnet": (63, SLOW),
    "vgg19": (32, SLOW),
    "googlenet": (32, FAST),
    "resnet50": (32, FAST),
    "resnet152": (32, FAST),
    "efficientnet_b0": (32, FAST),
    "efficientnet_lite0": (32, FAST),
    "efficientnet_lite2": (32, FAST),
    "mobilenet_v3_small": (32, FAST),
    "convnext_tiny": (32, SLOW),
    "vit_b_32": (64, SLOW),
}


def main() -> None:
    """Train the towers asked for and record how they did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="mnist.npz: x_train, y_train, x_test, y_test"
    )
    parser.add_argument("--seconds", type=float, default=55.0, help="CPU time for each tower")
    parser.add_argument("--towers", nargs="*", default=list(TOWERS), choices=list(TOWERS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(options.data, allow_pickle=False) as file:
        digits = {name: values for part in ("train", "test") for name, values in some(file, part).items()}
    for name in options.towers:
        row = learn(name, digits, options.seconds)
        print(name, row["steps"], "steps, accuracy", row["test_accuracy"], flush=True)
        record(name, row)
    draw(json.loads(RESULTS.read_text("utf-8")))


def some(file: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """The digits of the first classes, in random order: files are sorted by class now and then."""
    chosen = np.flatnonzero(file[f"y_{part}"] < CLASSES)
    order = np.random.default_rng(0).permutation(chosen)
    return {f"{name}_{part}": file[f"{name}_{part}"][order] for name in "xy"}


def learn(name: str, digits: dict[str, np.ndarray], seconds: float) -> dict[str, object]:
    """Train one tower until its CPU time is spent; returns its row of the results."""
    torch.manual_seed(0)
    size, rate = TOWERS[name]
    tower = build_image_tower(name, size=size, classes=CLASSES)
    assert isinstance(tower, ImageTower)
    optimizer = torch.optim.Adam(tower.parameters(), lr=rate, fused=True)
    start, losses = time.process_time(), []
    for pixels, labels in batches(tower, digits["x_train"], digits["y_train"]):
        loss = functional.cross_entropy(tower.train()(pixels), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
        if np.mean(losses[-5:]) < GUESS / 10 or time.process_time() - start > seconds:
            break
    trained = time.process_time() - start
    return {
        "size": size,
        "learning_rate": rate,
        "steps": len(losses),
        "cpu_seconds": round(trained, 1),
        "first_loss": round(losses[0], 3),
        "last_loss": round(float(np.mean(losses[-5:])), 3),
        "test_accuracy": accuracy(tower, digits),
        "losses": [round(loss, 3) for loss in losses],
    }


def batches(tower: ImageTower, pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches in random order, as the tower reads them."""
    draws = np.random.default_rng(0)
    while True:
        order = draws.permutation(len(pixels))
        for i in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[i : i + BATCH]
            yield tensor(tower, pixels[chosen]), torch.from_numpy(labels[chosen]).long()


def tensor(tower: ImageTower, pixels: np.ndarray) -> Tensor:
    """(n, 28, 28) uint8 to (n, channels, size, size) float32, normalised."""
    grey = torch.from_numpy(pixels)[:, None].float()
    large = functional.interpolate(grey, size=(tower.size, tower.size), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(values)[:, None, None] for values in (tower.mean, tower.std))
    return (large.expand(-1, tower.channels, -1, -1) - mean) / std


@torch.no_grad()
def accuracy(tower: ImageTower, digits: dict[str, np.ndarray]) -> float:
    """Share of the first test digits named rightly; batch-norm statistics are taken afresh first."""
    training = batches(tower, digits["x_train"], digits["y_train"])
    update_bn((next(training) for _ in range(8)), tower)
    tower.eval()
    rows = range(0, TESTED, BATCH)
    outputs = [tower(tensor(tower, digits["x_test"][i : min(i + BATCH, TESTED)])) for i in rows]
    right = torch.cat(outputs).argmax(dim=1).numpy() == digits["y_test"][:TESTED]
    return round(float(right.mean()), 3)


def record(name: str, row: dict[str, object]) -> None:
    """Put one tower's row into the results."""
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"towers": {}}
    results |= {
        "machine": machine(),
        "digits": CLASSES,
        "batch": BATCH,
        "chance": 1 / CLASSES,
        "test_digits": TESTED,
    }
    results["towers"][name] = row
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def draw(results: dict[str, dict[str, dict[str, list[float]]]]) -> None:
    """Draw the training loss of each tower in a panel of its own."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = results["towers"]
    figure, panels = plt.subplots(3, 4, figsize=(9, 5.5), sharey=True, layout="constrained")
    for axes, (name, row) in zip(panels.flat, rows.items(), strict=True):
        axes.plot(range(1, len(row["losses"]) + 1), np.maximum(row["losses"], FLOOR), linewidth=1)
        axes.axhline(GUESS, color="grey", linestyle=":", linewidth=1)
        axes.set_title(f"{name}, {row['test_accuracy']:.1%}", fontsize=8)
        axes.set(yscale="log", ylim=(FLOOR, 20))
        axes.tick_params(labelsize=7)
    figure.supxlabel(f"step of {BATCH} digits", fontsize=9)
    figure.supylabel("training loss (dotted: a guess)", fontsize=9)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
