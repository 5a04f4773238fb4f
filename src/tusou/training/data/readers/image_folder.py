"""Image folders: one sub-folder per class, or ``train/``, ``val/`` … with such sub-folders inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tusou.training.data.builder import nothing_usable
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.image_files import ImageFiles, is_image_name
from tusou.training.data.relevance import ClassData, FilePicture

_SPLITS = frozenset({"train", "val", "valid", "dev", "test"})


def recognises(path: Path) -> bool:
    """A folder with a sub-folder that holds an image."""
    return path.is_dir() and any(
        is_image_name(file.name) for _, _, folder in _classes(path) for file in folder.iterdir()
    )


def read(path: Path, _options: DataOptions, problems: Problems) -> ClassData:
    """Read the classes in the order of their names; files that are no images are passed over.

    Raises:
        DataError: No image can be used (``nothing_usable``).
    """
    files = ImageFiles(path, problems)
    classes = list(_classes(path))
    names = tuple(sorted({name for _, name, _ in classes}))
    rows = [
        (picture, names.index(name), split)
        for split, name, folder in classes
        for picture in _pictures(path, folder, files)
    ]
    if not rows:
        raise nothing_usable(problems)
    pictures, labels, splits = zip(*rows, strict=True)
    return ClassData(None, pictures, np.array(labels, dtype=np.int64), names, splits)


def _classes(path: Path) -> Iterator[tuple[str, str, Path]]:
    """Split, class and folder of each class."""
    folders = _folders(path)
    if folders and all(folder.name in _SPLITS for folder in folders):
        yield from ((split.name, folder.name, folder) for split in folders for folder in _folders(split))
    else:
        yield from (("", folder.name, folder) for folder in folders)


def _folders(path: Path) -> list[Path]:
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _pictures(root: Path, folder: Path, files: ImageFiles) -> Iterator[FilePicture]:
    for file in sorted(folder.rglob("*")):
        if is_image_name(file.name):
            name = file.relative_to(root).as_posix()
            if picture := files.picture(name, name):
                yield picture
