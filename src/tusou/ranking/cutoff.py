"""Where an answer ends: each candidate's calibrated probability of being relevant, and a threshold on it.

A logistic function of two features that compare between queries (the cosine standardised over a fixed image
bank, and the share of the words found) is calibrated by isotonic regression on judgments (Zadrozny and Elkan,
KDD 2002). Candidates from the threshold on are the relevant set. None of them: nothing in the library matches
the query well. docs/design/0008-cut-off.md tells how well that works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.ranking.bank import ImageBank
from tusou.ranking.features import FeatureTable

INPUTS = ("dense_bank_z", "coverage")
"""Features the probability is a function of."""

CHOSEN = 0.1
"""click_lift from which people's choice makes an image relevant, whatever the model says: with the priors of
``ranking.features``, an average image two clicks gave more than two looks promised has it."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cutoff:
    """A calibrated probability of relevance and the threshold on it.

    Attributes:
        bank: What ``dense_bank_z`` is standardised over.
        weights: (2,) of INPUTS, not negative.
        knots: (k,) scores, ascending.
        probabilities: (k,) probability of relevance at each knot, not descending; linear between knots.
        threshold: Smallest probability of the relevant set.
    """

    bank: ImageBank
    weights: Values
    knots: Values
    probabilities: Values
    threshold: float

    def probability(self, inputs: Values) -> Values:
        """Probability of relevance.

        Args:
            inputs: (n, 2) INPUTS of the candidates.

        Returns:
            (n,) 0 to 1.
        """
        found: Values = np.interp(inputs @ self.weights, self.knots, self.probabilities)
        return found

    def of_candidates(self, features: FeatureTable) -> Values | None:
        """Probability of every candidate, (n,), or None where it is not known.

        It is not known of a query with a picture, of which there are no judgments, or without words.
        """
        inputs = features.columns(INPUTS).astype(np.float64)
        if features.image_weight > 0 or np.isnan(inputs).any():
            return None
        return self.probability(inputs)

    def relevant(self, features: FeatureTable, probabilities: Values) -> npt.NDArray[np.bool_]:
        """Which candidates are relevant, (n,): likely enough, or chosen by people under these words."""
        chosen = np.nan_to_num(features.column("click_lift"), nan=0.0) >= CHOSEN
        likely: npt.NDArray[np.bool_] = (probabilities >= self.threshold) | chosen
        return likely
