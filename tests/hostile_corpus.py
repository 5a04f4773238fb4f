"""Pillow's own test images, hostile ones among them, from the sdist of the installed version."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

import PIL

CACHE = Path(__file__).parents[1] / ".cache" / "pillow-sdist"
"""Kept between runs; git ignores it."""

_IMAGES = "Tests/images/"
_FEWEST = 900


@lru_cache(maxsize=1)
def pillow_images() -> tuple[Path, ...]:
    """Every file of Pillow's Tests/images, downloaded and unpacked once.

    Skipping would hide that nothing was tested: no network is an error here.
    """
    folder = CACHE / PIL.__version__
    if not (folder / "complete").exists():
        _unpack(_download(), folder)
        (folder / "complete").touch()
    paths = tuple(sorted(path for path in (folder / "images").rglob("*") if path.is_file()))
    assert len(paths) >= _FEWEST, f"only {len(paths)} files in {folder}; delete the folder and try again"
    return paths


def _download() -> Path:
    """The sdist, through pip, which knows the registry and checks the digest."""
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pillow"]
    # Only the archive is wanted: no build isolation, no metadata of a compiled package.
    subprocess.run([*command, "--dest", str(CACHE), f"pillow=={PIL.__version__}"], check=True)
    return next(CACHE.glob(f"pillow-{PIL.__version__}.tar.gz"))


def _unpack(archive: Path, folder: Path) -> None:
    """Copy the images out, each regular file on its own."""
    with tarfile.open(archive) as source:
        for member in source:
            _, found, name = member.name.partition(_IMAGES)
            if not found or not member.isfile():
                continue
            parts = PurePosixPath(name).parts
            assert ".." not in parts
            target = folder.joinpath("images", *parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            content = source.extractfile(member)
            assert content is not None
            target.write_bytes(content.read())
