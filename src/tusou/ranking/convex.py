"""The first ranker: a convex combination of normalised scores, with its weights in one place.

score = sum over features of weight x normalised value; weights are not negative and sum to 1, and people's
clicks come on top. Such a combination of a lexical and a dense score needs no training and beats reciprocal
rank fusion (Bruch, Gai, Ingber: An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023). As there,
the lower end of a score's scale is fixed (0 for BM25, DENSE_FLOOR for a cosine) and its upper end is the best
candidate, so that the tail of the candidates does not move the scale.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tusou.index.base import FIELDS
from tusou.index.token_rows import FIELD_WEIGHTS
from tusou.ranking.base import Parts, Scores
from tusou.ranking.features import FeatureTable

LEXICAL, COVERAGE, DENSE, IMAGE = "lexical", "coverage", "dense_similarity", "image_similarity"
PAIR = "pair_score"
WORDS = (LEXICAL, COVERAGE, DENSE)
BM25 = "bm25_"
CLICKS = "click_lift"
NAMES = (*(BM25 + field for field in FIELDS), COVERAGE, DENSE, PAIR, IMAGE, "quality", "authority", CLICKS)
"""Features this ranker looks at."""

WEIGHTS: Mapping[str, float] = {
    LEXICAL: 0.20,
    COVERAGE: 0.30,
    DENSE: 0.40,
    IMAGE: 0.90,
    "quality": 0.05,
    "authority": 0.05,
}
"""Weight of each score. The first three belong to the words, the fourth to the picture of a query: of a query
of words and picture, the words' part counts 1 - image_weight and the picture's image_weight.
docs/concepts/search.md tells how they were chosen; scripts/tune_weights.py measures others."""

CLICK_WEIGHT = 0.5
"""What people's clicks add: an image of the middle of the candidates that was chosen in 8 of 10 examinations
under these words gains .26, one passed over 30 times loses .05, one of the best candidates .09. Nothing is
added for images nobody examined, so search without a log is as it was. How much clicks should weigh is for a
trained ranker to find."""

DENSE_FLOOR = 0.0
"""Cosine that counts as nothing in common."""

LOGITS = 50.0
"""Beyond it a logit is certainty."""

NEUTRAL = 0.5
"""Stands for an unknown quality or authority: neither praise nor blame."""


class ConvexCombination:
    """Ranks by weights alone; implements ``ranking.base.Ranker``.

    Args:
        weights: Like WEIGHTS.
    """

    name = "convex"

    def __init__(self, weights: Mapping[str, float] = WEIGHTS) -> None:
        priors = weights["quality"] + weights["authority"]
        totals = (sum(weights[name] for name in WORDS) + priors, weights[IMAGE] + priors)
        if min(weights.values()) < 0 or not np.allclose(totals, 1.0):
            raise ValueError(
                f"weights must not be negative, and sum to 1 for words and for a picture: {weights}"
            )
        self._weights = weights

    def rank(self, features: FeatureTable) -> Scores:
        """Score every candidate: 0 to 1 before anybody clicked; clicks move it by up to CLICK_WEIGHT."""
        best_bm25 = _best_bm25(features)
        normalized = np.column_stack([_normalized(features, name, best_bm25) for name in NAMES])
        shares = self._shares(features.image_weight, words_found=best_bm25 > 0)
        if not np.isnan(features.column(PAIR)).any():  # the bundle's own score takes the place of the cosine
            shares |= {PAIR: shares[DENSE], DENSE: 0.0}
        weights = np.array([shares[name] for name in NAMES])
        return Scores(
            NAMES,
            normalized @ weights,
            lambda i: Parts(normalized[i], weights, normalized[i] * weights),
        )

    def _shares(self, image_weight: float, *, words_found: bool) -> dict[str, float]:
        """Weight of each feature in this query.

        When no candidate holds any of the words, BM25 and coverage say nothing, and their weight goes to the
        dense score: what the words mean must not count less than picture or priors for it.
        """
        given = {name: self._weights[name] * (1 - image_weight) for name in WORDS}
        if not words_found:
            given = {LEXICAL: 0.0, COVERAGE: 0.0, DENSE: sum(given.values())}
        return {
            **{BM25 + field: given[LEXICAL] * weight for field, weight in FIELD_WEIGHTS.items()},
            COVERAGE: given[COVERAGE],
            DENSE: given[DENSE],
            PAIR: 0.0,
            IMAGE: self._weights[IMAGE] * image_weight,
            "quality": self._weights["quality"],
            "authority": self._weights["authority"],
            CLICKS: CLICK_WEIGHT,
        }


def _normalized(features: FeatureTable, name: str, best_bm25: float) -> npt.NDArray[np.float64]:
    values = features.column(name).astype(np.float64)
    if name == CLICKS:
        return np.nan_to_num(values, nan=0.0)
    if name == PAIR:
        return _share_of_best(1 / (1 + np.exp(-np.clip(values, -LOGITS, LOGITS))))
    if name in (DENSE, IMAGE):
        return _share_of_best(values - DENSE_FLOOR)
    if name.startswith(BM25):
        return values / (best_bm25 or 1.0)
    return np.nan_to_num(np.clip(values, 0.0, 1.0), nan=NEUTRAL)


def _share_of_best(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """0 for nothing in common or not measured, 1 for the best candidate."""
    values = np.maximum(np.nan_to_num(values, nan=0.0), 0.0)
    return values / (values.max(initial=0.0) or 1.0)


def _best_bm25(features: FeatureTable) -> float:
    """Largest weighted sum of BM25 over fields; on one scale the fields add up to at most 1."""
    fields = features.columns([BM25 + field for field in FIELDS]).astype(np.float64)
    return float((fields @ [FIELD_WEIGHTS[field] for field in FIELDS]).max(initial=0.0))
