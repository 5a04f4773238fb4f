"""Inverse document frequency: how much a word tells two texts apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable


def idf_table(documents: Iterable[Iterable[str]]) -> dict[str, float]:
    """Smoothed inverse document frequency of every word of a corpus.

    idf(word) = ln((1 + n) / (1 + df(word))) + 1, with n documents of which df hold the word (Sparck Jones,
    1972, smoothed as if one more document held every word). At least 1, so that no word is lost.

    Args:
        documents: Words of each text; one that stands twice in a text counts once.
    """
    found: Counter[str] = Counter()
    count = 0
    for document in documents:
        found.update(set(document))
        count += 1
    return {word: smoothed_idf(count, df) for word, df in found.items()}


def smoothed_idf(documents: int, df: int) -> float:
    """The formula of idf_table for one word; ``df`` 0 gives the value of a word never seen."""
    return math.log((1 + documents) / (1 + df)) + 1
