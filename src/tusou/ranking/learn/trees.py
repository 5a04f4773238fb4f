"""LambdaMART: boosted trees that climb nDCG (Burges, MSR-TR-2010-82), by LightGBM.

Trees see unknown values as unknown, so a feature needs no scale. Where more can only speak for an image the
trees are constrained to be monotone. Training is deterministic: one thread, fixed seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tusou.errors import RankerError
from tusou.ranking.base import Parts, Scores
from tusou.ranking.features import FeatureTable
from tusou.ranking.learn.data import MAX_GRADE, Features, JudgedCandidates

if TYPE_CHECKING:
    import lightgbm

SETTINGS: Mapping[str, Any] = {
    "objective": "lambdarank",
    "num_leaves": 15,
    "min_data_in_leaf": 30,
    "learning_rate": 0.05,
    "label_gain": [2**grade - 1 for grade in range(MAX_GRADE + 1)],
    "lambdarank_truncation_level": 15,
    "metric": "ndcg",
    "eval_at": [10],
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 0,
    "verbosity": -1,
}
"""The cut-off that counts is 10, so pairs matter down to about five places more."""

TREES, PATIENCE = 300, 40

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TreeRanker:
    """Ranks by boosted trees; implements ``ranking.base.Ranker``.

    Attributes:
        names: (m,) features.
        text: The model in LightGBM's text format.
    """

    names: tuple[str, ...]
    text: str
    booster: lightgbm.Booster = field(init=False, repr=False, compare=False)
    name = "trees"

    def __post_init__(self) -> None:
        try:
            booster = import_lightgbm().Booster(model_str=self.text)
        except Exception as error:  # LightGBM's own error has no other base
            raise RankerError(f"the trees cannot be read: {error}", reason="ranker_damaged") from error
        if booster.num_feature() != len(self.names):
            raise RankerError(
                f"the trees look at {booster.num_feature()} features, {len(self.names)} are listed",
                reason="ranker_damaged",
            )
        object.__setattr__(self, "booster", booster)

    def rank(self, features: FeatureTable) -> Scores:
        """Score every candidate; parts are SHAP values (Lundberg et al., 2020), worked out when asked for."""
        columns = features.columns(self.names).astype(np.float64)

        def parts(i: int) -> Parts:
            found = np.asarray(self.booster.predict(columns[i : i + 1], pred_contrib=True, num_threads=1))[0]
            return Parts(columns[i], np.full(len(self.names), np.nan), found[:-1])

        return Scores(self.names, self.scores(columns), parts)

    def scores(self, features: Features) -> Values:
        """(n,) scores of (n, m) features."""
        if not len(features):
            return np.empty(0)
        return np.asarray(self.booster.predict(features, num_threads=1), np.float64)

    def importances(self) -> Values:
        """(m,) gain each feature brought, as a share of all."""
        gains = np.asarray(self.booster.feature_importance("gain"), np.float64)
        return gains / (gains.sum() or 1.0)


def fit_trees(
    data: JudgedCandidates,
    held_out: JudgedCandidates | None = None,
    directions: Mapping[str, int] | None = None,
    *,
    positions: npt.NDArray[np.int64] | None = None,
    trees: int = TREES,
    settings: Mapping[str, Any] | None = None,
) -> TreeRanker:
    """Fit the trees.

    Args:
        data: Judged candidates.
        held_out: Queries that tell when to stop; all trees are grown without them.
        directions: Feature to 1 when a larger value must not lower the score.
        positions: (n,) places at which the rows were shown when grades come from clicks, so that the bias of
            places is learnt apart (LightGBM's unbiased LambdaMART); None for judgments.
        trees: Most trees.
        settings: Change some of SETTINGS.

    Raises:
        RankerError: LightGBM is not usable here, or refuses the data.
    """
    lightgbm = import_lightgbm()
    constraints = [1 if (directions or {}).get(name) == 1 else 0 for name in data.names]
    chosen = {**SETTINGS, "monotone_constraints": constraints, **(settings or {})}
    train = lightgbm.Dataset(
        data.features, data.grades, group=data.sizes, position=positions, free_raw_data=False
    )
    valid = None
    if held_out is not None:
        valid = lightgbm.Dataset(held_out.features, held_out.grades, group=held_out.sizes, reference=train)
    try:
        booster = lightgbm.train(
            chosen,
            train,
            trees,
            valid_sets=[valid] if valid is not None else None,
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)] if valid is not None else None,
        )
    except lightgbm.basic.LightGBMError as error:
        raise RankerError(f"LightGBM refuses the data: {error}", reason="fit_failed") from error
    best = booster.best_iteration if valid is not None and booster.best_iteration > 0 else None
    return TreeRanker(data.names, booster.model_to_string(num_iteration=best))


def import_lightgbm() -> Any:
    """LightGBM, or what to do when its system library is not there.

    Raises:
        RankerError: It cannot be imported.
    """
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise RankerError(
            f"LightGBM cannot be loaded ({error}): install the system's OpenMP library (Debian: libgomp1)",
            reason="lightgbm_missing",
        ) from error
    return lightgbm
