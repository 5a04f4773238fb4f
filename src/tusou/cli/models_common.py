"""What the verbs of ``tusou models`` share: where bundles lie, which library uses them, how they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tusou.catalog.library import MARKER, Library
from tusou.catalog.model_roles import models_by_role
from tusou.config import load_config

if TYPE_CHECKING:
    from tusou.models.bundle import Bundle
    from tusou.models.registry import Registry

_Command = TypeVar("_Command", bound=Callable[..., Any])


def models_option(command: _Command) -> _Command:
    """Add ``--models DIR``; the command receives ``models_path``."""
    return click.option(
        "--models",
        "models_path",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="TUSOU_MODELS",
        show_envvar=True,
        help="Folder of installed bundles; default: tusou/models in the user's data folder.",
    )(command)


def open_registry(models_path: Path | None, library_path: Path | None = None) -> Registry:
    """The registry of the option; without it, of the library's settings, then of the defaults."""
    from tusou.models.registry import Registry, models_folder  # loads pydantic

    settings = library_path / "tusou.toml" if library_path is not None else None
    return Registry(models_path or models_folder(load_config(settings).models))


def roles_in(library_path: Path) -> dict[str, str]:
    """Model id to its role in the library; empty where no library lies."""
    if not (library_path / MARKER).is_file():
        return {}
    with Library.open(library_path) as library:
        return {model.model_id: role for role, model in models_by_role(library.catalog).items()}


def bundle_json(bundle: Bundle, roles: dict[str, str]) -> dict[str, object]:
    """What programs want to know of a bundle."""
    about = bundle.manifest.model_dump(mode="json", exclude={"files", "image", "text", "schema_version"})
    place: dict[str, object] = {
        "model_id": bundle.model_id,
        "path": str(bundle.path),
        "bytes": bundle.byte_size,
        "role": roles.get(bundle.model_id),
    }
    return place | about
