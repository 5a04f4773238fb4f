"""``tusou similar``: pictures like one of the library."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from tusou.cli.answers import limit_options
from tusou.cli.common import json_option, library_option, open_library
from tusou.cli.search import run_search
from tusou.types import SearchRequest


@click.command()
@click.argument("image_id")
@click.argument("words", nargs=-1)
@library_option
@click.option("--same", is_flag=True, help="Copies of the picture only.")
@limit_options
@json_option
def similar(
    image_id: str,
    words: tuple[str, ...],
    library_path: Path,
    same: bool,
    limit: int,
    offset: int,
    lang: Literal["zh", "en", "auto"],
    explain: bool,
    facets: bool,
    as_json: bool,
) -> None:
    """Find images similar to the one named IMAGE_ID; WORDS and filters may narrow the answer."""
    request = SearchRequest(
        q=" ".join(words),
        image_id=image_id,
        mode="same" if same else "similar",
        lang=lang,
        offset=offset,
        limit=limit,
        explain=explain,
        facets=facets,
    )
    with open_library(library_path) as library:
        run_search(library, request, as_json=as_json)
