"""``tusou models add`` and ``remove``: put bundles where libraries find them, and take them away."""

from __future__ import annotations

from pathlib import Path

import click

from tusou.cli.common import format_bytes, json_option, library_option, print_json
from tusou.cli.models_common import bundle_json, models_option, open_registry, roles_in
from tusou.errors import BundleError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@models_option
@json_option
def add(folder: Path, models_path: Path | None, as_json: bool) -> None:
    """Install the bundle in FOLDER; every file is verified before and after the copy."""
    bundle = open_registry(models_path).install(folder)
    if as_json:
        print_json(bundle_json(bundle, {}))
    else:
        click.echo(f"{bundle.model_id}: {format_bytes(bundle.byte_size)} in {bundle.path}")


@click.command()
@click.argument("bundle")
@models_option
@library_option
@json_option
def remove(bundle: str, models_path: Path | None, library_path: Path, as_json: bool) -> None:
    """Remove the installed BUNDLE (NAME or NAME@VERSION), unless the library uses it or may go back to it."""
    from tusou.models.bundle import read_bundle  # loads pydantic

    registry = open_registry(models_path, library_path)
    found = read_bundle(registry.resolve(bundle))
    role = roles_in(library_path).get(found.model_id)
    if role is not None:
        raise BundleError(
            f"{found.model_id} is the {role} model of {library_path}; switch that library with `tusou models "
            "use` first (twice, if it is the model before)",
            reason="bundle_in_use",
        )
    removed = registry.remove(bundle)
    if as_json:
        print_json({"removed": removed.model_id})
    else:
        click.echo(f"removed {removed.model_id}")
