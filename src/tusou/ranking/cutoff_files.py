"""Cut-offs on disk, one folder per model: ``cutoff.json`` beside ``bank.npy``.

::

    library/cutoffs/<model id>/   fitted to judgments of this library (`tusou train cutoff`)
    ranking/cutoffs/<model id>/   of the bundles that come with tusou, fitted to the demo library

A library's own goes before the one that comes with the model; a model without either has no cut-off.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tusou.catalog.durable import dump_json, write_durably
from tusou.errors import RankerError
from tusou.ranking.bank import ImageBank
from tusou.ranking.cutoff import INPUTS, Cutoff
from tusou.ranking.features import FEATURES

MANIFEST, BANK = "cutoff.json", "bank.npy"
SHIPPED = Path(__file__).parent / "cutoffs"

_REMEDY = "Fit it again with `tusou train cutoff`, or delete its folder"
_Share = Annotated[float, Field(ge=0, le=1)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Knot(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    score: _Finite
    probability: _Share


class CutoffManifest(BaseModel):
    """What ``cutoff.json`` says.

    Attributes:
        schema_version: Always 1 here.
        model_id: The model whose cosines it is for.
        features: Feature to the version it was fitted to.
        weights: Feature to its weight.
        knots: Score to probability, ascending.
        threshold: Smallest probability of the relevant set.
        bank_sha256: Digest of ``bank.npy``.
        training: Data, digests and measures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    model_id: str
    features: Mapping[str, int]
    weights: Mapping[str, _Weight]
    knots: Annotated[tuple[_Knot, ...], Field(min_length=1)]
    threshold: _Share
    bank_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    training: Mapping[str, Any] = {}

    @model_validator(mode="after")
    def _consistent(self) -> CutoffManifest:
        if set(self.weights) != set(INPUTS) or set(self.features) != set(INPUTS):
            raise ValueError(f"features and weights must be those of {', '.join(INPUTS)}")
        for name in ("score", "probability"):
            if (np.diff([getattr(knot, name) for knot in self.knots]) < 0).any():
                raise ValueError(f"the {name} of the knots must not descend")
        return self


def library_folder(library: Path, model_id: str) -> Path:
    """Where a library keeps its own cut-off of a model."""
    return library / "cutoffs" / model_id


def save_cutoff(folder: Path, cutoff: Cutoff, model_id: str, training: Mapping[str, Any]) -> None:
    """Write a cut-off; the manifest last, so that a folder without one was never finished.

    Args:
        folder: Made if missing.
        cutoff: What to write.
        model_id: The model whose cosines it is for.
        training: Data and measures, for the manifest.
    """
    buffer = io.BytesIO()
    np.save(buffer, np.vstack([cutoff.bank.mean, cutoff.bank.covariance]).astype(np.float32))
    versions = {spec.name: spec.version for spec in FEATURES}
    manifest = CutoffManifest(
        schema_version=1,
        model_id=model_id,
        features={name: versions[name] for name in INPUTS},
        weights=dict(zip(INPUTS, cutoff.weights.tolist(), strict=True)),
        knots=tuple(
            _Knot(score=score, probability=probability)
            for score, probability in zip(cutoff.knots.tolist(), cutoff.probabilities.tolist(), strict=True)
        ),
        threshold=cutoff.threshold,
        bank_sha256=hashlib.sha256(buffer.getvalue()).hexdigest(),
        training=training,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / BANK, buffer.getvalue())
    write_durably(folder / MANIFEST, dump_json(manifest.model_dump(mode="json")))


def find_cutoff(library: Path, model_id: str) -> Path | None:
    """Folder of the cut-off a library uses with a model; None when there is none."""
    folders = (library_folder(library, model_id), SHIPPED / model_id)
    return next((folder for folder in folders if (folder / MANIFEST).exists()), None)


def load_cutoff(folder: Path, model_id: str, dim: int) -> Cutoff:
    """Read a cut-off.

    Args:
        folder: See find_cutoff.
        model_id: The model it has to be for.
        dim: Length of that model's embeddings.

    Raises:
        RankerError: It was edited or damaged (``cutoff_damaged``), or is of another model or of features that
            have come to mean something else (``cutoff_mismatch``).
    """
    try:
        manifest = CutoffManifest.model_validate_json((folder / MANIFEST).read_bytes())
        content = (folder / BANK).read_bytes()
    except (OSError, ValidationError) as error:
        raise RankerError(
            f"the cut-off in {folder} cannot be used: {error}. {_REMEDY}", reason="cutoff_damaged"
        ) from error
    if hashlib.sha256(content).hexdigest() != manifest.bank_sha256:
        raise RankerError(
            f"{folder / BANK} is not the file that was fitted. {_REMEDY}", reason="cutoff_damaged"
        )
    bank = np.load(io.BytesIO(content), allow_pickle=False)
    versions = {spec.name: spec.version for spec in FEATURES}
    stale = any(versions[name] != version for name, version in manifest.features.items())
    if manifest.model_id != model_id or bank.shape != (dim + 1, dim) or stale:
        raise RankerError(
            f"the cut-off in {folder} is of {manifest.model_id} or of features this version of tusou "
            f"measures otherwise, {model_id} is used. {_REMEDY}",
            reason="cutoff_mismatch",
        )
    return Cutoff(
        bank=ImageBank(bank[0], bank[1:]),
        weights=np.array([manifest.weights[name] for name in INPUTS]),
        knots=np.array([knot.score for knot in manifest.knots]),
        probabilities=np.array([knot.probability for knot in manifest.knots]),
        threshold=manifest.threshold,
    )
