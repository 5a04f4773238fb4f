"""``tusou search``: words, a picture, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from tusou.catalog.library import Library
from tusou.cli.answers import limit_options, page_json, print_page
from tusou.cli.common import json_option, library_option, open_library, print_json
from tusou.errors import CatalogError, QueryError
from tusou.ingest.fetch import FetchLimits, fetch
from tusou.search.engine import SearchEngine
from tusou.types import Filters, Region, SearchRequest, Sort


@click.command()
@click.argument("words", nargs=-1)
@library_option
@click.option(
    "--image", metavar="FILE|URL|ID", help="Query picture: a file, an http(s) address, or an image id."
)
@click.option("--region", metavar="X,Y,W,H", help="Part of the picture, in shares of its size (0 to 1).")
@click.option(
    "--mode",
    type=click.Choice(["similar", "same"]),
    default="similar",
    show_default=True,
    help="Pictures that look alike, or copies of this one.",
)
@click.option(
    "--image-weight",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of the picture when there are words as well.",
)
@click.option("--supplier", multiple=True, metavar="NAME", help="Only this supplier; may be repeated.")
@click.option(
    "--license", "licenses", multiple=True, metavar="CODE", help="Only this licence; may be repeated."
)
@click.option(
    "--sort",
    type=click.Choice(["relevance", "newest", "popular", "undiscovered"]),
    default="relevance",
    show_default=True,
    help="Order of the answer.",
)
@click.option("--relevant-only", is_flag=True, help="Leave out what lies below the cut-off.")
@click.option("--all-copies", is_flag=True, help="Show every copy of a picture, not the best one alone.")
@click.option(
    "--diversity",
    type=click.FloatRange(0, 1),
    help="How far suppliers and creators are mixed; as the library is set when left out.",
)
@limit_options
@json_option
def search(
    words: tuple[str, ...],
    library_path: Path,
    image: str | None,
    region: str | None,
    mode: Literal["similar", "same"],
    image_weight: float,
    supplier: tuple[str, ...],
    licenses: tuple[str, ...],
    sort: Sort,
    relevant_only: bool,
    all_copies: bool,
    diversity: float | None,
    limit: int,
    offset: int,
    lang: Literal["zh", "en", "auto"],
    explain: bool,
    facets: bool,
    as_json: bool,
) -> None:
    """Search by words, by picture, or both.

    WORDS may hold "phrases", -exclusions and filters such as color:red, supplier:NAME, mp:3-6 or
    orientation:landscape (颜色:红, 来源:NAME …); without words and picture, the newest images are listed.
    """
    with open_library(library_path) as library:
        request = SearchRequest(
            q=" ".join(words),
            **query_picture(image, library),
            region=parse_region(region),
            mode=mode,
            image_weight=image_weight,
            filters=Filters(supplier=supplier, license=licenses),
            sort=sort,
            lang=lang,
            offset=offset,
            limit=limit,
            explain=explain,
            facets=facets,
            relevant_only=relevant_only,
            group_copies=not all_copies,
            diversity=diversity,
        )
        run_search(library, request, as_json=as_json)


def run_search(library: Library, request: SearchRequest, *, as_json: bool) -> None:
    """Answer a request and print the page."""
    engine = SearchEngine.open(library)
    try:
        page = engine.search(request)
        suppliers = {supplier.name: supplier for supplier in library.catalog.suppliers()}
    finally:
        engine.close()
    if as_json:
        print_json(page_json(page, request, suppliers))
    else:
        print_page(page, request, suppliers)


def query_picture(image: str | None, library: Library) -> dict[str, Any]:
    """The picture part of a request: bytes of a file or an address, or the id of a library image.

    Raises:
        FetchError: The address cannot be downloaded.
        QueryError: There is no such file, and no image of that id.
    """
    if image is None:
        return {}
    if image.lower().startswith(("http://", "https://")):
        limits = FetchLimits(
            library.config.max_upload_bytes, library.config.fetch_seconds, library.config.fetch_redirects
        )
        return {"image": fetch(image, limits).data}
    path = Path(image).expanduser()
    try:
        return {"image": path.read_bytes()}
    except FileNotFoundError:
        return {"image_id": _known_id(image, library)}
    except OSError as error:
        raise QueryError(
            f"the query picture {path} cannot be read: {error}", reason="unreadable_picture"
        ) from error


def _known_id(image_id: str, library: Library) -> str:
    try:
        return library.catalog.get(image_id).image_id
    except CatalogError:
        raise QueryError(
            f"--image {image_id!r} is no file here, no http(s) address and no image of this library",
            reason="no_such_picture",
        ) from None


def parse_region(text: str | None) -> Region | None:
    """Read ``x,y,width,height``; the engine checks that it lies inside the picture.

    Raises:
        QueryError: It is not four numbers.
    """
    if text is None:
        return None
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise QueryError(
            f"--region {text!r} must be four numbers x,y,width,height in shares of the picture, "
            "such as 0.25,0.1,0.5,0.5",
            reason="bad_region",
        ) from None
    return Region(x, y, width, height)
