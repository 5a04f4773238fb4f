"""Suppliers' keywords of a measured accuracy: true ones, and noise of two kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tusou.bench.thesis.world import World

SLOTS = 8
"""Keywords a supplier delivers, doubles included."""

TITLE = 2
"""Of them, those in the title."""

Noise = Literal["random", "confusable"]
ACCURACIES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_STEPS = 18


@dataclass(frozen=True, eq=False)
class Keywords:
    """Keywords of every image.

    Attributes:
        of_image: Per image its concepts, each once; the first TITLE make the title.
        precision: Measured share of the keywords that are true.
        recall: Measured share of what the images show that a keyword says.
    """

    of_image: tuple[tuple[int, ...], ...]
    precision: float
    recall: float


def draw_keywords(world: World, accuracy: float, noise: Noise, seed: int) -> Keywords:
    """Fill every image's slots so that the *measured* precision is the accuracy asked for.

    Taking doubles away removes true keywords more often than false ones, of which there are many, so the
    chance of a true slot is found by bisection.

    Args:
        world: Whose images.
        accuracy: Share of true keywords wanted.
        noise: ``random``: by popularity. ``confusable``: half look or read like something the image shows.
        seed: Of every draw.
    """
    rng = np.random.default_rng(seed)
    true = _true_slots(world, rng)
    false = _false_slots(world, true, noise, rng)
    luck = rng.random(true.shape)
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        slots = np.where(luck < middle, true, false)
        low, high = (middle, high) if _precision(world, slots) < accuracy else (low, middle)
    slots = np.where(luck < high, true, false)
    of_image = tuple(tuple(dict.fromkeys(row.tolist())) for row in slots)
    said = np.zeros(world.truth.shape, bool)
    said[np.arange(len(world))[:, None], slots] = True
    return Keywords(of_image, _precision(world, slots), float((said & world.truth).sum() / world.truth.sum()))


def _true_slots(world: World, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(n, SLOTS) concepts each image shows, with doubles."""
    keys = np.where(world.truth, rng.random(world.truth.shape), -1.0)
    counts = world.truth.sum(axis=1)
    order = np.argsort(-keys, axis=1)[:, : int(counts.max())]
    chosen = (rng.random((len(world), SLOTS)) * counts[:, None]).astype(np.int64)
    return np.take_along_axis(order, chosen, axis=1)


def _false_slots(
    world: World, true: npt.NDArray[np.int64], noise: Noise, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """(n, SLOTS) concepts each image does not show."""
    popular = rng.choice(len(world.concepts), true.shape, p=world.popularity)
    alike = world.confusable[true, rng.integers(world.confusable.shape[1], size=true.shape)]
    mixed = np.where(rng.random(true.shape) < 0.5, alike, popular) if noise == "confusable" else popular
    shown = np.take_along_axis(world.truth, mixed, axis=1)
    while shown.any():  # a false keyword that happens to be true is drawn again
        mixed[shown] = rng.choice(len(world.concepts), int(shown.sum()), p=world.popularity)
        shown = np.take_along_axis(world.truth, mixed, axis=1)
    return mixed


def _precision(world: World, slots: npt.NDArray[np.int64]) -> float:
    ordered = np.sort(slots, axis=1)
    first = np.ones(ordered.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return float(np.take_along_axis(world.truth, ordered, axis=1)[first].mean())
