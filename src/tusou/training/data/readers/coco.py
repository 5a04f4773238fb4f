"""MSCOCO's captions_*.json: images and annotations, joined by image id."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.image_files import ImageFiles, images_of
from tusou.training.data.readers.rows import head_of, json_object, objects_of
from tusou.training.data.relevance import RelevanceData


def recognises(path: Path) -> bool:
    """A JSON file that begins with image files, or with captions of image ids."""
    if not path.is_file() or path.suffix != ".json":
        return False
    head = head_of(path)
    return b'"file_name"' in head or (b'"image_id"' in head and b'"caption"' in head)


def read(path: Path, options: DataOptions, problems: Problems) -> RelevanceData:
    """Read images and captions; the split is in the file's name (``captions_val2017.json`` is ``val``)."""
    whole = json_object(path)
    files = ImageFiles(_images(path, options.images), problems)
    builder = RelevanceBuilder(problems)
    split = _split(path).rstrip("0123456789")
    keys: dict[Any, str] = {}
    for where, row in objects_of(whole.get("images"), "images", problems):
        picture = files.picture(row.get("file_name"), where)
        if picture and builder.add_picture(picture, where, split):
            keys[str(row.get("id"))] = picture.key
    for where, row in objects_of(whole.get("annotations"), "annotations", problems):
        image_id = str(row.get("image_id"))
        builder.add_captions(keys.get(image_id, image_id), [row.get("caption")], where)
    return builder.build()


def _split(path: Path) -> str:
    found = re.search(r"_((?:train|val|test|dev)\w*)$", path.stem)
    return found[1] if found else ""


def _images(path: Path, asked: Path | None) -> Path:
    """``val2017/`` beside the folder of the annotations, as MSCOCO unpacks, else as everywhere."""
    unpacked = path.parent.parent / (_split(path) or "images")
    return asked or (unpacked if unpacked.is_dir() else images_of(path, None))
