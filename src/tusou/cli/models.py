"""``tusou models``: which bundles there are, what is in them, and whether they are sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import format_bytes, json_option, library_option, print_json, print_table
from tusou.cli.models_common import bundle_json, models_option, open_registry, roles_in
from tusou.cli.models_export import export
from tusou.cli.models_install import add, remove
from tusou.cli.models_pull import pull
from tusou.cli.models_query_bank import query_bank
from tusou.cli.models_use import rollback, use

if TYPE_CHECKING:
    from tusou.models.bundle import Bundle
    from tusou.models.registry import Registry


_SHOWN = "@10"  # of the measured figures, in a list; `info` shows all


@click.group()
def models() -> None:
    """Manage model bundles, and switch a library from one to another."""


for _command in (add, remove, pull, export, query_bank, use, rollback):
    models.add_command(_command)


@models.command("list")
@models_option
@library_option
@json_option
def list_models(models_path: Path | None, library_path: Path, as_json: bool) -> None:
    """List the bundles at hand, with licence and measured figures, and which the library uses."""
    registry, roles = open_registry(models_path, library_path), roles_in(library_path)
    bundles = registry.bundles()
    for path in _unreadable(registry, bundles):
        click.echo(
            f"tusou: {path} holds no readable manifest; `tusou models verify {path}` says why", err=True
        )
    if as_json:
        print_json([bundle_json(bundle, roles) for bundle in bundles])
        return
    headings = ["name", "version", "dim", "languages", "size", "library", "licence", "measured"]
    print_table("Bundles", headings, [_row(bundle, roles) for bundle in bundles])


@models.command()
@click.argument("bundle")
@models_option
@library_option
@json_option
def info(bundle: str, models_path: Path | None, library_path: Path, as_json: bool) -> None:
    """Show everything BUNDLE (NAME, NAME@VERSION or a folder) says about itself."""
    from tusou.models.bundle import read_bundle

    found = read_bundle(open_registry(models_path, library_path).resolve(bundle))
    roles = roles_in(library_path)
    if as_json:
        whole = found.manifest.model_dump(mode="json", include={"files", "image", "text", "schema_version"})
        print_json(bundle_json(found, roles) | whole)
    else:
        _tell(found, roles)


@models.command()
@click.argument("bundle", default="base")
@models_option
@json_option
def verify(bundle: str, models_path: Path | None, as_json: bool) -> None:
    """Compare every file of BUNDLE (NAME, NAME@VERSION or a folder; base by default) with its digest."""
    loaded = open_registry(models_path).load(bundle)
    if as_json:
        print_json(bundle_json(loaded, {}))
    else:
        files = len(loaded.manifest.files)
        click.echo(f"{loaded.model_id}: {files} files, {format_bytes(loaded.byte_size)}, all digests match")


def _unreadable(registry: Registry, bundles: list[Bundle]) -> list[Path]:
    readable = {bundle.path for bundle in bundles}
    return [path for path in registry.places() if path not in readable]


def _row(bundle: Bundle, roles: dict[str, str]) -> list[object]:
    about = bundle.manifest
    return [
        about.name,
        about.version,
        about.dim,
        ", ".join(about.languages),
        format_bytes(bundle.byte_size),
        roles.get(bundle.model_id, ""),
        about.license,
        ", ".join(f"{name} {value:g}" for name, value in about.figures.items() if name.endswith(_SHOWN)),
    ]


def _tell(bundle: Bundle, roles: dict[str, str]) -> None:
    about = bundle.manifest
    role = roles.get(bundle.model_id, "not used by this library")
    lines = {
        "model": bundle.model_id,
        "folder": bundle.path,
        "licence": about.license,
        "dimension": about.dim,
        "languages": ", ".join(about.languages),
        "library": role,
        "picture": f"{about.image.size} x {about.image.size}, {about.image.resize}",
        "tokenizer": f"{about.text.tokenizer.type}, at most {about.text.tokenizer.max_tokens} tokens",
    }
    for name, value in lines.items():
        click.echo(f"{name:<10} {value}")
    click.echo()
    print_table(
        "Made from",
        ("what", "licence", "use"),
        [(f"{source.name} {source.url}".strip(), source.license, source.use) for source in about.sources],
    )
    click.echo()
    print_table(
        "Measured", ("figure", "value"), [(name, f"{value:g}") for name, value in about.figures.items()]
    )
    click.echo()
    files = [(name, format_bytes(file.bytes), file.sha256) for name, file in about.files.items()]
    print_table("Files", ("file", "size", "sha256"), files)
