"""A small world for tests of the thesis bench: embeddings that know the truth, more or less."""

from __future__ import annotations

import numpy as np

from tusou.bench.thesis.world import TEST_QUERIES, TRAIN_QUERIES, Deep, Query, World, split_queries
from tusou.ranking.bank import measure_bank

CONCEPTS, IMAGES, DIM = 320, 900, 48


def a_world(seed: int = 0, noise: float = 0.5) -> World:
    """Every image shows one to three concepts; its embedding is their sum and noise."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((IMAGES, CONCEPTS), bool)
    for row in range(IMAGES):
        truth[row, rng.choice(CONCEPTS, int(rng.integers(1, 4)), replace=False)] = True
    truth[np.arange(CONCEPTS), np.arange(CONCEPTS)] = True
    vectors = _unit(rng.normal(size=(CONCEPTS + 20, DIM)))
    images = _unit(truth @ vectors[:CONCEPTS] + noise * rng.normal(size=(IMAGES, DIM)))
    asked = rng.permutation(CONCEPTS)[: TRAIN_QUERIES + TEST_QUERIES]
    train, test = split_queries(len(asked), rng)
    good = Deep(vectors[asked], images, vectors[CONCEPTS:], measure_bank([images]))
    names = tuple((f"{_word(i)}", f"{chr(0x4E00 + 2 * i)}{chr(0x4E01 + 2 * i)}") for i in range(CONCEPTS))
    return World(
        name="emoji",
        concepts=names,
        truth=truth,
        confusable=rng.integers(CONCEPTS, size=(CONCEPTS, 10)),
        popularity=np.full(CONCEPTS, 1 / CONCEPTS),
        queries=tuple(
            Query(names[c][n % 2], ("en", "zh")[n % 2], n % 3 == 0) for n, c in enumerate(asked.tolist())
        ),
        train=train,
        test=test,
        grades=2 * truth[:, asked].T.astype(np.int64),
        deep={"good": good},
        stored={name: rng.random(IMAGES) for name in ("authority", "megapixels", "sharpness", "exposure")},
        appeal=np.ones(IMAGES),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _word(number: int) -> str:
    """A word no stemmer changes and nobody else has."""
    return "q" + "".join("bcdfghjkmn"[int(digit)] + "o" for digit in f"{number:03d}")
