"""Pictures of a run: loss and dev measures over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator


def plot_history(rows: Sequence[Mapping[str, float]], measure: str, title: str, path: Path) -> None:
    """Draw the learning curve.

    Args:
        rows: One for each epoch, with ``epoch``, ``loss`` and measures.
        measure: The one drawn; all languages' versions of it are drawn as well.
        title: Above the picture.
        path: PNG file.
    """
    epochs = [row["epoch"] for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    left.plot(epochs, [row["loss"] for row in rows], marker=".", color="tab:gray")
    left.set(title="training loss", xlabel="epoch")
    for name in (each for each in rows[0] if each == measure or each.endswith(f"_{measure}")):
        right.plot(epochs, [row[name] for row in rows], marker=".", label=name)
    right.set(title=f"dev {measure}", xlabel="epoch")
    right.legend()
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    plt.close(figure)
