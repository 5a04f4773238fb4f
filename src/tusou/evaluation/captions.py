"""Captioned sets on disk: ``captions.jsonl`` beside ``images/``.

One line per image: ``{"image": "a.jpg", "split": "dev", "en": ["A dog."], "zh": ["一只狗。"]}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tusou.errors import EvaluationError
from tusou.evaluation.cross_modal import Groups
from tusou.types import Language


@dataclass(frozen=True, slots=True)
class CaptionedSet:
    """Images with captions of one language.

    Attributes:
        images: Files, all present.
        captions: All captions, image by image.
        image_of_caption: (captions,) position of each caption's image.
    """

    images: tuple[Path, ...]
    captions: tuple[str, ...]
    image_of_caption: Groups


def read_captioned_set(folder: Path, language: Language, split: str | None = None) -> CaptionedSet:
    """Read one split of a captioned set.

    Args:
        folder: Holds ``captions.jsonl`` and ``images/``.
        language: Which captions.
        split: Name in the column ``split``; None takes every line.

    Raises:
        EvaluationError: No such folder or file (``data_not_found``), a bad line or column
            (``bad_captions``), no line of that split (``unknown_split``), images that are not there
            (``images_missing``).
    """
    rows = _rows(folder / "captions.jsonl", language, split)
    images = tuple(folder / "images" / name for name, _ in rows)
    missing = [path for path in images if not path.is_file()]
    if missing:
        raise EvaluationError(
            f"{len(missing)} of {len(images)} images are not there, first {missing[0]}: "
            "put the files named in captions.jsonl into images/",
            reason="images_missing",
        )
    captions = tuple(caption for _, of_image in rows for caption in of_image)
    counts = [len(of_image) for _, of_image in rows]
    return CaptionedSet(images, captions, np.repeat(np.arange(len(rows)), counts))


def _rows(path: Path, language: Language, split: str | None) -> list[tuple[str, list[str]]]:
    if not path.is_file():
        raise EvaluationError(f"no {path}: --data names a folder that holds it", reason="data_not_found")
    rows, splits = [], set()
    for where, line in _json_lines(path):
        name, captions = line.get("image"), line.get(language)
        if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
            raise _bad(where, "expected a file name under 'image'")
        splits.add(str(line.get("split", "")))
        if split is not None and line.get("split") != split:
            continue
        if not isinstance(captions, list) or not captions or not all(isinstance(c, str) for c in captions):
            raise _bad(where, f"expected a list of captions under {language!r}")
        rows.append((name, captions))
    if not rows:
        found = ", ".join(sorted(splits)) or "nothing"
        raise EvaluationError(f"{path}: no line of split {split!r}; found: {found}", reason="unknown_split")
    return rows


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            where = f"{path} line {number}"
            if not raw.strip():
                continue
            try:
                line = json.loads(raw)
            except ValueError as error:  # not JSON, or not UTF-8
                raise _bad(where, f"not valid JSON ({error})") from error
            if not isinstance(line, dict):
                raise _bad(where, "expected a JSON object")
            yield where, line


def _bad(where: str, problem: str) -> EvaluationError:
    return EvaluationError(f"{where}: {problem}", reason="bad_captions")
