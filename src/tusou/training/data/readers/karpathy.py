"""Karpathy's JSON of Flickr8k, Flickr30k and MSCOCO: one object that lists images with their sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.image_files import ImageFiles, images_of
from tusou.training.data.readers.rows import head_of, json_object, list_of, objects_of
from tusou.training.data.relevance import RelevanceData


def recognises(path: Path) -> bool:
    """A JSON file whose first images have sentences."""
    return path.is_file() and path.suffix == ".json" and b'"sentences"' in head_of(path)


def read(path: Path, options: DataOptions, problems: Problems) -> RelevanceData:
    """Read the images, their splits as they are named (train, restval, val, test)."""
    files = ImageFiles(images_of(path, options.images), problems)
    builder = RelevanceBuilder(problems)
    for where, row in objects_of(json_object(path).get("images"), "images", problems):
        texts = [_raw(sentence) for sentence in list_of(row, "sentences", where, problems)]
        if not texts:
            problems.add(where, "no_caption", f"{row.get('filename')!r:.100} has no sentence")
            continue
        picture = files.picture(_name(row), where)
        if picture and builder.add_picture(picture, where, str(row.get("split", ""))):
            builder.add_captions(picture.key, texts, where)
    return builder.build()


def _raw(sentence: object) -> object:
    return sentence.get("raw") if isinstance(sentence, dict) else sentence


def _name(row: dict[str, Any]) -> object:
    """MSCOCO keeps the folder (``filepath``) and the name (``filename``) apart."""
    folder, name = row.get("filepath"), row.get("filename")
    return f"{folder}/{name}" if isinstance(folder, str) and isinstance(name, str) else name
