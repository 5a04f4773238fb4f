"""A model bundle: a folder of towers with a manifest, found by name or path and verified before use."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tusou.errors import BundleError
from tusou.models.manifest import BundleFile, Manifest

MANIFEST = "manifest.json"
SHIPPED = Path(__file__).parent / "bundles"
"""Bundles that come with the package."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files are all present and unaltered.

    Attributes:
        path: Its folder.
        manifest: What it says about itself.
        digest: SHA-256 of the manifest, which in turn holds the digest of every other file.
    """

    path: Path
    manifest: Manifest
    digest: str

    @property
    def model_id(self) -> str:
        """``name-version-digest8``: embeddings with the same id are comparable, all others are not."""
        return f"{self.manifest.name}-{self.manifest.version}-{self.digest[:8]}"

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.manifest.dim

    @property
    def byte_size(self) -> int:
        """Size of all files, the manifest left out."""
        return sum(file.bytes for file in self.manifest.files.values())

    def file(self, name: str) -> Path:
        """Path of one file of the bundle."""
        return self.path / name


def list_bundles(root: Path = SHIPPED) -> list[str]:
    """Names of the bundles in a folder of bundles, sorted."""
    return sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}"))


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Find a bundle and verify it.

    Every file is hashed each time (about 25 ms for the shipped bundle): no state to go stale, and a damaged
    file is named before a tower runs on it.

    Args:
        name_or_path: A shipped name (``base``) or the path of a bundle folder; a name wins over a folder of
            the same name in the working directory, which ``./base`` reaches.

    Raises:
        BundleError: Not found, manifest unreadable, or a file missing, truncated or altered.
    """
    bundle = read_bundle(find_bundle(name_or_path))
    path = bundle.path
    problems = [
        problem for name, file in bundle.manifest.files.items() if (problem := _problem(path / name, file))
    ]
    if problems:
        raise BundleError(f"bundle {path}: {'; '.join(problems)}. {_remedy(path)}", reason="bundle_damaged")
    return bundle


def read_bundle(path: Path) -> Bundle:
    """Read what a bundle's folder says about itself; its other files are not looked at.

    Raises:
        BundleError: No readable manifest lies there.
    """
    raw = _read_manifest(path)
    return Bundle(path, _parse_manifest(path, raw), hashlib.sha256(raw).hexdigest())


def find_bundle(name_or_path: str | Path) -> Path:
    """Folder of a bundle, not yet verified.

    Raises:
        BundleError: Neither a shipped name nor a folder with a manifest.
    """
    if str(name_or_path) in list_bundles():
        return SHIPPED / str(name_or_path)
    path = Path(name_or_path)
    if not (path / MANIFEST).is_file():
        known = ", ".join(list_bundles()) or "none"
        raise BundleError(
            f"no bundle {str(name_or_path)!r}: expected a shipped name ({known}) or a folder holding "
            f"{MANIFEST}; set it with --bundle or TUSOU_BUNDLE",
            reason="bundle_not_found",
        )
    return path


def _read_manifest(path: Path) -> bytes:
    try:
        return (path / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(f"{path / MANIFEST} cannot be read: {error.strerror}. {_remedy(path)}") from error


def _parse_manifest(path: Path, raw: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'manifest'}: {item['msg']}" for item in error.errors()
        )
        raise BundleError(
            f"{path / MANIFEST} does not follow bundle schema 1: {problems}. {_remedy(path)}",
            reason="bundle_manifest",
        ) from error


def _problem(path: Path, expected: BundleFile) -> str:
    """What is wrong with one file; empty when it is sound."""
    try:
        found = path.stat().st_size
        if found != expected.bytes:
            return f"{path.name} is truncated or replaced (expected {expected.bytes} bytes, found {found})"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    if digest != expected.sha256:
        return f"{path.name} was altered (expected sha256 {expected.sha256[:12]}…, found {digest[:12]}…)"
    return ""


def _remedy(path: Path) -> str:
    if path.parent == SHIPPED:
        return "Reinstall tusou to restore it"
    return "Copy the bundle to this place again"
