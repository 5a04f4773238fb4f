"""``tusou rebuild``: derive index, thumbnails and embeddings anew."""

from __future__ import annotations

from pathlib import Path

import click

from tusou.catalog.model_roles import current_model
from tusou.catalog.records import Refusal
from tusou.cli.common import encoder_maker, library_option, open_library, progress_bar
from tusou.ingest.indexing import rebuild_index
from tusou.ingest.rebuild import rebuild_embeddings, rebuild_thumbnails


@click.command()
@library_option
@click.option("--thumbnails", is_flag=True, help="Make the thumbnails anew from the originals.")
@click.option("--embeddings", is_flag=True, help="Embed the originals anew, with the library's model.")
def rebuild(library_path: Path, thumbnails: bool, embeddings: bool) -> int:
    """Build the index anew from the catalog; with options, what it is built on as well.

    The old index answers until the new one is complete.
    """
    refusals: list[Refusal] = []
    with open_library(library_path, writer=True) as library:
        open_encoder = encoder_maker(library)
        if thumbnails:
            with progress_bar("thumbnails") as report:
                refusals += rebuild_thumbnails(library, open_encoder, report)
        if embeddings:
            with progress_bar("embeddings") as report:
                refusals += rebuild_embeddings(library, open_encoder, report)
        model = current_model(library.catalog)
        count = rebuild_index(library, model) if model is not None else 0
    click.echo(f"indexed {count:,} images")
    for refusal in refusals:
        click.echo(f"{refusal.path}: {refusal.message} [{refusal.reason}]", err=True)
    return 1 if refusals else 0
