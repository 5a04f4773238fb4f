"""``tusou models``: which bundles there are and whether they are sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tusou.cli.common import format_bytes, json_option, print_json, print_table

if TYPE_CHECKING:
    from tusou.models.bundle import Bundle


@click.group()
def models() -> None:
    """List and verify model bundles."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List the bundles that come with tusou, with their licence and measured figures."""
    from tusou.models.bundle import list_bundles, load_bundle  # loads pydantic

    bundles = [load_bundle(name) for name in list_bundles()]
    if as_json:
        print_json([_plain(bundle) for bundle in bundles])
        return
    headings = ["name", "version", "dim", "languages", "size", "licence"]
    print_table("Bundles", headings, [_row(bundle) for bundle in bundles])


@models.command()
@click.argument("bundle", default="base")
@json_option
def verify(bundle: str, as_json: bool) -> None:
    """Compare every file of BUNDLE (a name or a folder; base by default) with its digest."""
    from tusou.models.bundle import load_bundle

    loaded = load_bundle(bundle)
    if as_json:
        print_json(_plain(loaded))
    else:
        files = len(loaded.manifest.files)
        click.echo(f"{loaded.model_id}: {files} files, {format_bytes(loaded.byte_size)}, all digests match")


def _row(bundle: Bundle) -> list[object]:
    about = bundle.manifest
    languages = ", ".join(about.languages)
    return [about.name, about.version, about.dim, languages, format_bytes(bundle.byte_size), about.license]


def _plain(bundle: Bundle) -> dict[str, object]:
    about = bundle.manifest.model_dump(mode="json", exclude={"files", "image", "text", "schema_version"})
    return {"model_id": bundle.model_id, "path": str(bundle.path), "bytes": bundle.byte_size} | about
