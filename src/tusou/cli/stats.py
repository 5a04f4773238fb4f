"""``tusou stats``: what the library holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from tusou.catalog.statistics import Statistics, collect_statistics
from tusou.cli.common import format_bytes, json_option, library_option, open_library, print_json, print_table


@click.command()
@library_option
@json_option
def stats(library_path: Path, as_json: bool) -> None:
    """Count images by supplier, licence, format and language."""
    with open_library(library_path) as library:
        found = collect_statistics(library.catalog)
        models = library.catalog.models()
        thumbnail_bytes = library.thumbnails.byte_size()
    if as_json:
        print_json(asdict(found) | {"models": models, "thumbnail_bytes": thumbnail_bytes})
        return
    _show(found, models, thumbnail_bytes)


def _show(found: Statistics, models: list[str], thumbnail_bytes: int) -> None:
    click.echo(
        f"{found.images:,} images, {found.originals:,} originals ({format_bytes(found.original_bytes)}), "
        f"thumbnails {format_bytes(thumbnail_bytes)}, {found.removed:,} removed; "
        f"embedded with {', '.join(models) or 'no model yet'}"
    )
    tables = {
        "Supplier": found.suppliers,
        "Licence": found.licenses,
        "Format": found.formats,
        "Words in": found.languages,
    }
    for heading, counts in tables.items():
        click.echo()
        rows = [
            (name or "none", count, f"{count / max(found.images, 1):.0%}") for name, count in counts.items()
        ]
        print_table("", (heading, "images", "share"), rows)
