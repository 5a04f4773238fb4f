"""Image files a source names: found below one folder, never outside it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from tusou.errors import DataError, SourceError
from tusou.imaging.sniff import EXTENSIONS
from tusou.ingest.places import is_hidden, locate, resolved_root
from tusou.ingest.sidecars import split_name
from tusou.training.data.problems import Problems
from tusou.training.data.relevance import FilePicture

_ENDINGS = frozenset().union(*EXTENSIONS.values())


def is_image_name(name: str) -> bool:
    """Whether a file name ends like an image's and is none of a system's leftovers."""
    return split_name(name)[1] in _ENDINGS and not is_hidden(name)


class ImageFiles:
    """The image files below a folder, by their paths below it; the ending may be left out."""

    def __init__(self, root: Path, problems: Problems) -> None:
        """Look at the folder.

        Raises:
            DataError: There is none (``source_not_found``).
        """
        try:
            self._root = resolved_root(root)
        except SourceError as error:
            message = f"{error}: it should hold the images; name it with images= (--images-dir)"
            raise DataError(message, reason="source_not_found") from None
        self._problems = problems

    def picture(self, name: object, where: str) -> FilePicture | None:
        """The image of a name, which is its key; a problem and None when it cannot be used."""
        if not isinstance(name, str) or not name:
            self._problems.add(where, "bad_row", f"expected the name of an image, got {name!r:.60}")
            return None
        try:
            found = locate(self._root, name if is_image_name(name) else self._by_stem.get(name, name))
        except SourceError as error:
            self._problems.add(where, "missing_image", str(error))
            return None
        if not found[0].path.stat().st_size:
            self._problems.add(where, "damaged_image", f"{name!r} is an empty file")
            return None
        return FilePicture(name, found[0].path)

    @cached_property
    def _by_stem(self) -> dict[str, str]:
        names = sorted(path.relative_to(self._root).as_posix() for path in self._root.rglob("*"))
        return {split_name(name)[0]: name for name in reversed(names) if is_image_name(name)}


def images_of(path: Path, images: Path | None) -> Path:
    """The folder of a source's images: as asked for, else ``images`` beside it, else its own folder."""
    folder = path if path.is_dir() else path.parent
    beside = folder / "images"
    return images or (beside if beside.is_dir() else folder)
