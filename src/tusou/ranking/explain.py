"""Say why an image stands where it stands: words found, retrievers, and each feature's part in the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tusou.ranking.base import Scores
from tusou.ranking.features import FeatureTable
from tusou.text.analyze import Analyzer, Term
from tusou.types import Contribution


def contributions_of(scores: Scores, features: FeatureTable, i: int) -> tuple[Contribution, ...]:
    """Parts of the i-th candidate's score, largest first; features that add nothing are left out."""
    found = scores.parts(i)
    parts = [
        Contribution(
            feature=name,
            value=float(features.column(name)[i]),
            normalized=float(found.normalized[j]),
            weight=float(found.weights[j]),
            contribution=float(found.contributions[j]),
        )
        for j, name in enumerate(scores.names)
        if found.contributions[j] != 0
    ]
    return tuple(sorted(parts, key=lambda part: -abs(part.contribution)))


def percentile_of(features: FeatureTable, i: int) -> float | None:
    """Share of the other candidates whose learned score is lower than the i-th one's, 0 to 1.

    The learned score is the cosine with what was asked; of words and a picture, both weighted.

    Returns:
        None where no learned score is, or no other candidate.
    """
    share = features.image_weight
    parts = ((1 - share, "dense_similarity"), (share, "image_similarity"))
    learned = sum(
        (weight * features.column(name) for weight, name in parts if weight), np.zeros(len(features))
    )
    if len(features) < 2 or np.isnan(learned[i]):
        return None
    return float(np.count_nonzero(learned < learned[i]) / (len(features) - 1))


def matched_words(
    terms: Sequence[Term], texts: Mapping[str, str], analyzer: Analyzer
) -> dict[str, tuple[str, ...]]:
    """Field name to the query's words found in it, in the order of the query; fields without any left out.

    Args:
        terms: Words of the query.
        texts: Field name to its text, as it was indexed.
        analyzer: The one that analysed both.
    """
    found: dict[str, tuple[str, ...]] = {}
    for field, text in texts.items():
        tokens = analyzer.analyze(text)
        words, grams = set(tokens.words), set(tokens.grams)
        matched = tuple(
            term.surface
            for term in terms
            if not words.isdisjoint(term.words) or not grams.isdisjoint(term.grams)
        )
        if matched:
            found[field] = matched
    return found
