"""``tusou supplier``: add, list, change and remove suppliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from tusou.catalog.library import MARKER, Library
from tusou.catalog.licenses import normalize_license
from tusou.catalog.suppliers import add_supplier, image_ids_of, remove_supplier, update_supplier
from tusou.cli.common import (
    json_option,
    library_option,
    open_library,
    print_json,
    print_table,
    yes_option,
)
from tusou.ingest.indexing import update_index
from tusou.ingest.removal import remove_images
from tusou.types import Supplier

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def supplier() -> None:
    """Add, list, change and remove suppliers."""


def _description_options(command: _Command) -> _Command:
    options = (
        click.option("--title", help="Name shown to people."),
        click.option("--authority", type=click.FloatRange(0, 1), help="Trust in the source, 0 to 1."),
        click.option("--license", help="Licence of images that bring none: a code, a name or a URL."),
        click.option("--url", help="Home page."),
        click.option("--contact", help="Whom to ask."),
        click.option("--terms", help="Usage terms in free words."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Options that were given, the licence as a code."""
    given = {name: value for name, value in values.items() if value is not None}
    if given.get("license"):
        given["license"] = normalize_license(given["license"])
    return given


@supplier.command("add")
@click.argument("name")
@library_option
@_description_options
def add(name: str, library_path: Path, **values: Any) -> None:
    """Add the supplier NAME; makes the library when there is none yet."""
    new = (library_path / MARKER).exists()
    with open_library(library_path, writer=True) if new else Library.create(library_path) as library:
        add_supplier(library.catalog, Supplier(name, **_given(values)))
    click.echo(f"added supplier {name}")


@supplier.command("list")
@library_option
@json_option
def list_(library_path: Path, as_json: bool) -> None:
    """List the suppliers with their number of images."""
    with open_library(library_path) as library:
        counts = library.catalog.supplier_counts()
        found = library.catalog.suppliers()
    if as_json:
        print_json([asdict(each) | {"images": counts[each.name]} for each in found])
        return
    rows = [
        (
            each.name,
            counts[each.name],
            each.authority,
            each.license or "none",
            f"{each.title}  {each.contact}",
        )
        for each in found
    ]
    print_table("Suppliers", ("name", "images", "authority", "licence", "who"), rows)


@supplier.command("update")
@click.argument("name")
@library_option
@_description_options
def update(name: str, library_path: Path, **values: Any) -> None:
    """Change what is given of the supplier NAME; its images follow."""
    with open_library(library_path, writer=True) as library:
        update_supplier(library.catalog, replace(library.catalog.supplier(name), **_given(values)))
        update_index(library)
    click.echo(f"updated supplier {name}")


@supplier.command("remove")
@click.argument("name")
@library_option
@click.option("--with-images", is_flag=True, help="Take its images out of the library as well.")
@yes_option
def remove(name: str, library_path: Path, with_images: bool, yes: bool) -> None:
    """Remove the supplier NAME."""
    with open_library(library_path, writer=True) as library:
        library.catalog.supplier(name)
        ids = image_ids_of(library.catalog, name) if with_images else []
        if ids and not yes:
            click.confirm(f"Take {len(ids):,} images of {name} out for good?", abort=True)
        remove_images(library, ids)
        remove_supplier(library.catalog, name)
        update_index(library)
    click.echo(f"removed supplier {name}" + (f" and {len(ids):,} images" if ids else ""))
