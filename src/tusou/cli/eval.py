"""``tusou eval``: measure how well a bundle finds pictures by words and words by pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np

from tusou.cli.common import json_option, print_json, print_table, progress_bar
from tusou.cli.eval_cutoff import cutoff
from tusou.cli.eval_judged import judged
from tusou.cli.eval_recall import recall
from tusou.cli.eval_runs import compare, gate, ranking
from tusou.errors import DecodeError, EvaluationError
from tusou.types import Embeddings, Language, Pixels

if TYPE_CHECKING:
    from tusou.evaluation.cross_modal import CrossModal, Direction

BATCH = 32

_Item = TypeVar("_Item")


@click.group("eval")
def evaluate() -> None:
    """Measure retrieval quality on data with known answers."""


for _command in (judged, ranking, recall, cutoff, compare, gate):
    evaluate.add_command(_command)


@evaluate.command()
@click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with captions.jsonl (image, split, en, zh) and images/.",
)
@click.option("--lang", type=click.Choice(["en", "zh"]), required=True, help="Language of the captions.")
@click.option("--split", help="Only lines of this split; all lines when left out.")
@click.option("--bundle", default="base", show_default=True, help="Name or folder of a model bundle.")
@json_option
def retrieval(folder: Path, lang: Language, split: str | None, bundle: str, as_json: bool) -> None:
    """Success@1/5/10 and median rank, text to image and image to text, over a captioned set."""
    # ONNX Runtime and the readers load only when something is measured.
    from tusou.encoders.bundle_encoder import open_encoder
    from tusou.evaluation.captions import read_captioned_set
    from tusou.evaluation.cross_modal import evaluate_cross_modal

    encoder = open_encoder(bundle)
    data = read_captioned_set(folder, lang, split)
    started = perf_counter()
    images = _batched("images", data.images, lambda paths: encoder.encode_images([*map(_pixels, paths)]))
    image_seconds = perf_counter() - started
    captions = _batched("captions", data.captions, encoder.encode_texts)
    text_seconds = perf_counter() - started - image_seconds
    measured = evaluate_cross_modal(images, captions, data.image_of_caption)
    answer = {
        "model_id": encoder.model_id,
        "lang": lang,
        "split": split,
        "images": len(data.images),
        "captions": len(data.captions),
        "text_to_image": _measures(measured.text_to_image),
        "image_to_text": _measures(measured.image_to_text),
        "seconds": {"images": round(image_seconds, 2), "captions": round(text_seconds, 2)},
    }
    if as_json:
        print_json(answer)
    else:
        _print(answer, measured)


def _batched(
    title: str, items: Sequence[_Item], encode: Callable[[Sequence[_Item]], Embeddings]
) -> Embeddings:
    parts = []
    with progress_bar(f"Embedding {title}") as advance:
        for start in range(0, len(items), BATCH):
            parts.append(encode(items[start : start + BATCH]))
            advance(min(1.0, (start + BATCH) / len(items)))
    return np.concatenate(parts)


def _pixels(path: Path) -> Pixels:
    from tusou.imaging.decode import decode
    from tusou.imaging.limits import Limits

    try:
        return decode(path.read_bytes(), Limits()).pixels
    except (OSError, DecodeError) as error:
        raise EvaluationError(f"{path} cannot be used: {error}", reason="bad_image") from error


def _measures(direction: Direction) -> dict[str, float]:
    successes = {f"success@{k}": round(value, 4) for k, value in direction.success.items()}
    return successes | {"median_rank": direction.median_rank}


def _print(answer: dict[str, Any], measured: CrossModal) -> None:
    title = (
        f"{answer['model_id']}: {answer['images']:,} images, {answer['captions']:,} {answer['lang']} captions"
    )
    directions = {"text → image": measured.text_to_image, "image → text": measured.image_to_text}
    rows = [
        [name, *(f"{value:.3f}" for value in direction.success.values()), f"{direction.median_rank:g}"]
        for name, direction in directions.items()
    ]
    headings = ["direction", *(f"Success@{k}" for k in measured.text_to_image.success), "median rank"]
    print_table(title, headings, rows)
