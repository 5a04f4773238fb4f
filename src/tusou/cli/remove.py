"""``tusou remove``: take images out of the library for good."""

from __future__ import annotations

from pathlib import Path

import click

from tusou.catalog.suppliers import image_ids_of
from tusou.cli.common import json_option, library_option, open_library, print_json, yes_option
from tusou.ingest.indexing import update_index
from tusou.ingest.removal import remove_images


@click.command()
@click.argument("image_ids", nargs=-1, metavar="[ID]...")
@library_option
@click.option("--supplier", default="", help="All images of this supplier.")
@yes_option
@json_option
def remove(image_ids: tuple[str, ...], library_path: Path, supplier: str, yes: bool, as_json: bool) -> None:
    """Take images out of the library, by ID or by supplier.

    They never return by themselves: a later ingest refuses them unless it is told to --readmit.
    """
    if bool(image_ids) == bool(supplier):
        raise click.UsageError("name image ids, or a supplier with --supplier")
    with open_library(library_path, writer=True) as library:
        ids = list(dict.fromkeys(image_ids))
        if supplier:
            library.catalog.supplier(supplier)
            ids = image_ids_of(library.catalog, supplier)
        if ids and not yes:
            click.confirm(f"Take {len(ids):,} images out for good?", abort=True)
        count = remove_images(library, ids)
        if count:
            update_index(library)
    if as_json:
        print_json({"removed": ids})
    else:
        click.echo(f"removed {count:,} images")
