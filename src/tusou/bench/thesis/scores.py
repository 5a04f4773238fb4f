"""The learned scores of the experiment: canonical correlation, the reference network, the shipped model."""

from __future__ import annotations

import numpy as np

from tusou.bench.thesis.world import Deep
from tusou.ranking.bank import measure_bank
from tusou.training.cca import fit_heads, moments
from tusou.training.reference.adam import Adam
from tusou.training.reference.network import ReferenceNetwork
from tusou.training.reference.types import Batch, Parameters
from tusou.types import Embeddings

DIRECTIONS, SHRINKAGE = 128, 0.1
WIDTH, BATCH, EPOCHS = 512, 1000, 30


def score_cca(pairs: tuple[Embeddings, Embeddings, np.ndarray], others: tuple[Embeddings, ...]) -> Deep:
    """Regularised CCA in closed form.

    Args:
        pairs: Training images (n, p), texts (m, q), and each text's image (m,).
        others: Queries, images and unanswerable queries of the test, in the towers' own space.
    """
    images, texts, image_of_text = pairs
    image_head, text_head = fit_heads(moments(images, texts, image_of_text), DIRECTIONS, SHRINKAGE, SHRINKAGE)
    queries, gallery, unanswerable = others
    return Deep(
        text_head.apply(queries),
        image_head.apply(gallery),
        text_head.apply(unanswerable),
        measure_bank([image_head.apply(images)]),
    )


def score_ranknet(
    pairs: tuple[Embeddings, Embeddings, np.ndarray], others: tuple[Embeddings, ...], scale: float, seed: int
) -> Deep:
    """The reference network: pairwise rank cost against one random image, Adam at 1e-3, batches of 1000."""
    images, texts, image_of_text = pairs
    network = ReferenceNetwork(scale=scale)
    rng = np.random.default_rng(seed)
    weights = network.initial(
        seed, query_width=texts.shape[1], image_width=images.shape[1], width=WIDTH, dtype=np.float32
    )
    adam, target = Adam(), np.ones(BATCH, np.float32)
    for _ in range(EPOCHS):
        order = rng.permutation(len(texts))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            other = rng.integers(len(images), size=BATCH)
            batch = Batch(texts[rows], images[image_of_text[rows]], images[other], target)
            weights = adam.step(weights, network.gradients(weights, batch)[1])
    queries, gallery, unanswerable = others
    return Deep(
        _layer(queries, weights, "query"),
        _layer(gallery, weights, "image"),
        _layer(unanswerable, weights, "query"),
        measure_bank([_layer(images, weights, "image")]),
    )


def score_shipped(pairs: tuple[Embeddings, Embeddings, np.ndarray], others: tuple[Embeddings, ...]) -> Deep:
    """The bundle as it comes, trained on nothing of this world."""
    queries, gallery, unanswerable = others
    return Deep(queries, gallery, unanswerable, measure_bank([pairs[0]]))


def _layer(features: Embeddings, weights: Parameters, side: str) -> Embeddings:
    hidden = np.tanh(features @ weights[f"{side}_weight"] + weights[f"{side}_bias"])
    return np.asarray(hidden / np.linalg.norm(hidden, axis=1, keepdims=True), np.float32)
