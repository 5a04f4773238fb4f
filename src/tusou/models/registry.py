"""Bundles at hand: those of the package and those installed below a folder, found by name, version or id."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tusou.errors import BundleError, StorageFull
from tusou.models.bundle import MANIFEST, SHIPPED, Bundle, load_bundle, read_bundle

_DRAFT = ".draft-"
_BLOCK = 1024 * 1024


def models_folder(configured: str = "") -> Path:
    """Where bundles are installed: the setting ``models``, else ``tusou/models`` of the user's data folder.

    Several libraries share what lies there, and a bundle may be larger than a library; so it is the user's
    folder and not the library's.
    """
    if configured:
        return Path(configured).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "tusou" / "models"


class Registry:
    """Bundles of the package (``bundles/name/``) and of a folder (``name/version/``).

    A bundle appears in the folder whole or not at all: it is copied into a draft beside the names, verified
    there, made durable, and renamed.

    Attributes:
        folder: Where bundles are installed; made by the first installation.
    """

    def __init__(self, folder: Path) -> None:
        """Look at a folder, which need not exist."""
        self.folder = folder.absolute()

    def places(self) -> list[Path]:
        """Folders of all bundles, those of the package first; nothing is read yet."""
        shipped = sorted(path.parent for path in SHIPPED.glob(f"*/{MANIFEST}"))
        installed = sorted(path.parent for path in self.folder.glob(f"*/*/{MANIFEST}"))
        return shipped + [path for path in installed if not path.parent.name.startswith(".")]

    def bundles(self) -> list[Bundle]:
        """All bundles with a readable manifest, by name and version; their files are not verified."""
        found = [bundle for path in self.places() if (bundle := _readable(path)) is not None]
        return sorted(found, key=lambda bundle: (bundle.manifest.name, *_age(bundle)))

    def resolve(self, reference: str | Path) -> Path:
        """Folder of a bundle, not yet verified.

        Args:
            reference: ``name`` (the newest version at hand), ``name@version``, or a bundle's folder. A name
                wins over a folder of the same name in the working directory, which ``./name`` reaches.

        Raises:
            BundleError: Nothing of the kind.
        """
        name, _, version = str(reference).partition("@")
        named = [bundle for bundle in self.bundles() if bundle.manifest.name == name]
        chosen = [bundle for bundle in named if not version or bundle.manifest.version == version]
        if chosen:
            return max(chosen, key=_age).path
        if (Path(reference) / MANIFEST).is_file():
            return Path(reference).absolute()
        raise BundleError(
            f"no bundle {str(reference)!r}: expected a name, name@version, or a folder holding {MANIFEST}; "
            f"at hand are {self._listed()}. Install one with `tusou models add FOLDER`",
            reason="bundle_not_found",
        )

    def load(self, reference: str | Path) -> Bundle:
        """Resolve a reference and verify every file.

        Raises:
            BundleError: Not found, or damaged.
        """
        return load_bundle(self.resolve(reference))

    def with_model_id(self, model_id: str, configured: str = "") -> Path:
        """Folder of the bundle that makes embeddings of an id, not yet verified.

        Args:
            model_id: As Bundle.model_id gives it; two bundles of one id are the same.
            configured: A reference to look at too (the setting ``bundle`` may be a folder).

        Raises:
            BundleError: No bundle at hand is that model.
        """
        elsewhere = _readable(Path(configured).absolute()) if configured else None
        for bundle in [*self.bundles(), *([elsewhere] if elsewhere else [])]:
            if bundle.model_id == model_id:
                return bundle.path
        raise BundleError(
            f"the library uses the model {model_id}, and no bundle at hand is that one (there are "
            f"{self._listed()}, in the package and in {self.folder}). Install it with `tusou models add "
            "FOLDER`, say where bundles lie with TUSOU_MODELS, or switch with `tusou models use NAME`",
            reason="model_not_at_hand",
        )

    def install(self, source: Path) -> Bundle:
        """Copy a bundle's folder into the registry, verified before and after.

        Only files that the manifest lists are taken. A bundle that is there already is left as it is.

        Args:
            source: A bundle's folder.

        Returns:
            The installed bundle.

        Raises:
            BundleError: The source is damaged, or another bundle has its name and version.
            StorageFull: The disk has no room; nothing was installed.
        """
        bundle = load_bundle(source)
        with self._changing():
            if (there := self._same_name(bundle)) is not None:
                return load_bundle(there)
            target = self.folder / bundle.manifest.name / bundle.manifest.version
            draft = Path(mkdtemp(prefix=_DRAFT, dir=self.folder))
            try:
                _copy(bundle, draft)
                load_bundle(draft)
                shutil.rmtree(target, ignore_errors=True)  # a folder without a manifest is no bundle
                target.parent.mkdir(exist_ok=True)
                draft.replace(target)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            for folder in (target.parent, self.folder):
                _sync(folder)
        return Bundle(target, bundle.manifest, bundle.digest)

    def remove(self, reference: str) -> Bundle:
        """Take an installed bundle away; whether somebody uses it is the caller's to ask.

        Raises:
            BundleError: Not found, or not installed here (the package's own, or a folder elsewhere).
        """
        with self._changing():
            bundle = read_bundle(self.resolve(reference))
            if bundle.path.parent.parent != self.folder:
                raise BundleError(
                    f"{bundle.path} was not installed by `tusou models add`, so it is not tusou's to remove",
                    reason="bundle_not_installed",
                )
            draft = Path(mkdtemp(prefix=_DRAFT, dir=self.folder))
            bundle.path.replace(draft / bundle.path.name)
            _sync(bundle.path.parent)
            shutil.rmtree(draft)
            if not any(bundle.path.parent.iterdir()):
                bundle.path.parent.rmdir()
        return bundle

    def _same_name(self, bundle: Bundle) -> Path | None:
        """Where the bundle is installed already; None when it is not.

        Raises:
            BundleError: Another one has its name and version.
        """
        for other in self.bundles():
            same = (other.manifest.name, other.manifest.version) == (
                bundle.manifest.name,
                bundle.manifest.version,
            )
            if same and other.digest != bundle.digest:
                raise BundleError(
                    f"{other.path} is another bundle of the name {bundle.manifest.name} and version "
                    f"{bundle.manifest.version}; give the new one another version in its {MANIFEST}",
                    reason="bundle_exists",
                )
            if same and other.path.parent.parent == self.folder:
                return other.path
        return None

    def _listed(self) -> str:
        names = (f"{bundle.manifest.name}@{bundle.manifest.version}" for bundle in self.bundles())
        return ", ".join(dict.fromkeys(names)) or "none"

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one who installs or removes, and sweep what a crash left half done."""
        with _storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                for draft in self.folder.glob(f"{_DRAFT}*"):
                    shutil.rmtree(draft, ignore_errors=True)
                yield
            finally:
                os.close(lock)


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"no room for the bundle below {folder}; free space and run again") from error
        raise


def _readable(path: Path) -> Bundle | None:
    try:
        return read_bundle(path)
    except BundleError:
        return None


def _age(bundle: Bundle) -> tuple[list[tuple[int, str]], str]:
    """Sorts versions as people count: 2 before 10, words by letter."""
    parts = re.findall(r"\d+|[a-z]+", bundle.manifest.version)
    numbered = [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
    return numbered, bundle.manifest.version


def _copy(bundle: Bundle, draft: Path) -> None:
    """Copy the manifest and what it lists, each file durable."""
    for name in (*bundle.manifest.files, MANIFEST):
        with bundle.file(name).open("rb") as source, (draft / name).open("wb") as target:
            shutil.copyfileobj(source, target, _BLOCK)
            target.flush()
            os.fsync(target.fileno())
    draft.chmod(0o755)
    _sync(draft)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
