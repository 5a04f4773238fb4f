"""``tusou show``: everything known about one image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tusou.cli.answers import lang_option, wide_console
from tusou.cli.common import format_bytes, json_option, library_option, open_library, print_json
from tusou.search.item import image_item
from tusou.types import ImageRecord, Language


@click.command()
@click.argument("image_id")
@library_option
@lang_option
@json_option
def show(image_id: str, library_path: Path, lang: Literal["zh", "en", "auto"], as_json: bool) -> None:
    """Show texts, rights, measures and files of the image named IMAGE_ID."""
    language: Language = "zh" if lang == "zh" else "en"
    with open_library(library_path) as library:
        record = library.catalog.get(image_id)
        item = image_item(record, language, supplier=library.catalog.supplier(record.supplier))
        item |= _files(record) | {"original": str(library.original_path(record))}
    if as_json:
        print_json(item)
    else:
        _print(item)


def _files(record: ImageRecord) -> dict[str, Any]:
    """What only ``show`` tells: measures, digests, warnings."""
    return {
        "metadata": asdict(record.metadata),
        "quality": {name: round(value, 4) for name, value in asdict(record.quality).items()},
        "sha256": record.sha256,
        "fingerprint": record.fingerprint.hex(),
        "fingerprint_quality": record.fingerprint_quality,
        "frames": record.frames,
        "warnings": list(record.warnings),
        "row": record.row,
    }


def _print(item: dict[str, Any]) -> None:
    console = wide_console()
    console.print(f"[bold]{escape(item['alt_description'])}[/bold]  [dim]{item['id']}[/dim]")
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(item):
        if value:
            table.add_row(name, value if isinstance(value, Text) else escape(value))
    console.print(table)


def _lines(item: dict[str, Any]) -> list[tuple[str, str | Text]]:
    """Name and value of each line, in order; empty values are not shown."""
    metadata = item["metadata"]
    measures = ", ".join(f"{name} {value:g}" for name, value in item["quality"].items())
    return [
        ("title", _both(metadata, "title")),
        ("description", _both(metadata, "description")),
        ("keywords", ", ".join((*metadata["keywords_en"], *metadata["keywords_zh"]))),
        ("creator", " ".join(filter(None, (item["creator"], item["creator_url"])))),
        ("supplier", f"{item['supplier_title']} ({item['supplier']}, {item['item_id']})"),
        ("source", item["foreign_landing_url"]),
        ("licence", " ".join(filter(None, (item["license"], item["license_name"], item["license_url"])))),
        ("allows", ", ".join(item["license_type"])),
        ("rights", " ".join(filter(None, (item["rights"], item["credit"], item["usage_terms"])))),
        ("attribution", item["attribution"]),
        (
            "picture",
            f"{item['width']} x {item['height']} {item['format']}, {format_bytes(item['byte_size'])}",
        ),
        ("colours", _swatches(item)),
        ("quality", measures),
        ("warnings", ", ".join(item["warnings"])),
        ("original", item["original"]),
        ("sha256", item["sha256"]),
        ("added", item["added"]),
        ("updated", item["updated"] if item["updated"] != item["added"] else ""),
    ]


def _both(metadata: dict[str, Any], name: str) -> str:
    return " / ".join(filter(None, (metadata[f"{name}_en"], metadata[f"{name}_zh"])))


def _swatches(item: dict[str, Any]) -> Text:
    """Colour blocks with hex values; without a terminal only the values are left."""
    line = Text()
    for swatch in item["palette"]:
        line.append("██ ", style=swatch["color"])
        line.append(f"{swatch['color']} {swatch['share']:.0%}  ")
    return line
