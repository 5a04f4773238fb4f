"""``tusou licenses``: the licences tusou knows."""

from __future__ import annotations

from dataclasses import asdict

import click

from tusou.catalog.licenses import LICENSES, license_of, normalize_license
from tusou.cli.common import json_option, print_json, print_table


@click.command()
@click.argument("text", required=False)
@json_option
def licenses(text: str | None, as_json: bool) -> None:
    """List the licences tusou knows, or the one that TEXT (a name, a code, a URL) means."""
    found = list(LICENSES.values()) if text is None else [license_of(normalize_license(text))]
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = [
        (
            each.code,
            _mark(each.commercial),
            _mark(each.modification),
            f"{each.name['en']} · {each.name['zh']}",
        )
        for each in found
    ]
    print_table("Licences", ("code", "commercial", "modification", "name"), rows)


def _mark(allowed: bool) -> str:
    return "yes" if allowed else "no"
