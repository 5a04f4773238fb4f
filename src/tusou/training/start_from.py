"""Start a run with the weights of another: towers whole, whichever of their stages each run trains."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from tusou.errors import CheckpointMismatch
from tusou.training.build import build_image, learning_part
from tusou.training.config import load_run_record
from tusou.training.model import RelevanceModel
from tusou.training.run_folder import RunFolder
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.onnx import OnnxImageTower


def copy_image_tower(run: Path, tower: ImageTower | OnnxImageTower) -> None:
    """Fill an image tower with that of a finished run.

    Args:
        run: Folder of the run.
        tower: Of the same kind; a frozen graph is left as it is.

    Raises:
        CheckpointMismatch: The run is not finished, or its tower is another.
    """
    if isinstance(tower, OnnxImageTower):
        return
    weights, config = _weights(run), load_run_record(run)
    trained = build_image(config.image)
    learning_part(config, trained).load_state_dict(_under(weights, "image."))
    assert isinstance(trained, ImageTower)
    try:
        tower.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise CheckpointMismatch(f"start_from: the image tower of {run} is another: {error}") from error


def token_places_of(run: Path) -> Tensor | None:
    """Rows a finished run learnt for tokens, see SentenceWords; None when it learnt none."""
    return _weights(run).get("text.place")


def copy_text_and_scorer(run: Path, model: RelevanceModel) -> None:
    """Fill text tower and scorer with those of a finished run.

    Raises:
        CheckpointMismatch: The run is not finished, or its text tower or scorer is another.
    """
    weights = _weights(run)
    try:
        model.text.load_state_dict(_under(weights, "text."))
        model.scorer.load_state_dict(_under(weights, "scorer."))
    except RuntimeError as error:
        raise CheckpointMismatch(f"start_from: text tower or scorer of {run} is another: {error}") from error


def _weights(run: Path) -> dict[str, Tensor]:
    folder = run / "weights.safetensors"
    if not folder.exists():
        raise CheckpointMismatch(f"start_from: {run} is no finished run")
    return RunFolder(run).load_weights()


def _under(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
