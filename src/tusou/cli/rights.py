"""``tusou agreements``, ``tusou downloads``, ``tusou audit``: rights and records from the command line."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table

if TYPE_CHECKING:
    from tusou.catalog.library import Library
    from tusou.office.store import Office

PURPOSES = ("commercial", "editorial", "education", "personal")
MEDIA = ("web", "social", "print", "packaging", "broadcast", "advertising", "internal")


@contextmanager
def _office(library_path: Path) -> Iterator[tuple[Library, Office]]:
    from tusou.office.store import Office

    with open_library(library_path) as library:
        office = Office(library.path)
        try:
            yield library, office
        finally:
            office.close()


@click.group()
def agreements() -> None:
    """Record what suppliers let the library do; when the last one ends, their images are withdrawn."""


@agreements.command("add")
@click.argument("supplier")
@click.argument("title")
@click.option("--purpose", "purposes", multiple=True, type=click.Choice(PURPOSES), help="All when left out.")
@click.option("--medium", "media", multiple=True, type=click.Choice(MEDIA), help="All when left out.")
@click.option(
    "--territory", "territories", multiple=True, metavar="CC", help="Country; worldwide when left out."
)
@click.option("--from", "starts", default="", metavar="DAY", help="First day, such as 2027-01-01.")
@click.option("--until", "ends", default="", metavar="DAY", help="Last day; without end when left out.")
@click.option("--note", default="", help="For colleagues.")
@library_option
def add_agreement(
    supplier: str,
    title: str,
    purposes: tuple[str, ...],
    media: tuple[str, ...],
    territories: tuple[str, ...],
    starts: str,
    ends: str,
    note: str,
    library_path: Path,
) -> None:
    """Record an agreement with SUPPLIER under a TITLE."""
    from tusou.office.rights import Rights
    from tusou.office.uses import Agreement

    terms = Agreement(
        "", supplier, title, purposes, media, territories, starts=starts, ends=ends, note=note
    )  # fmt: skip
    with _office(library_path) as (library, office):
        library.catalog.supplier(supplier)  # an unknown one is refused
        made = Rights(office).agree(getpass.getuser(), terms)
    click.echo(f"agreement {made.agreement_id}")


@agreements.command("list")
@library_option
@json_option
def list_agreements(library_path: Path, as_json: bool) -> None:
    """Show agreements, ended ones too."""
    from tusou.office.rights import Rights
    from tusou.office.uses import local_day

    with _office(library_path) as (_, office):
        found = Rights(office).agreements()
    if as_json:
        print_json([asdict(each) | {"runs": each.runs(local_day())} for each in found])
        return
    rows = [
        (
            each.agreement_id, each.supplier, each.title, " ".join(each.purposes) or "all",
            " ".join(each.media) or "all", " ".join(each.territories) or "worldwide", each.ends or "-",
            "yes" if each.runs(local_day()) else "no",
        )
        for each in found
    ]  # fmt: skip
    print_table("", ["id", "supplier", "title", "purposes", "media", "territories", "until", "runs"], rows)


@agreements.command("end")
@click.argument("agreement_id")
@click.option("--until", "ends", default="", metavar="DAY", help="Its last day; yesterday when left out.")
@library_option
def end_agreement(agreement_id: str, ends: str, library_path: Path) -> None:
    """End the agreement AGREEMENT_ID; with the last one its supplier's images are withdrawn."""
    from dataclasses import replace
    from datetime import timedelta

    from tusou.errors import NotHere
    from tusou.office.rights import Rights
    from tusou.office.uses import local_day

    last = ends or (local_day() - timedelta(days=1)).isoformat()
    with _office(library_path) as (_, office):
        rights = Rights(office)
        found = next((each for each in rights.agreements() if each.agreement_id == agreement_id), None)
        if found is None:
            raise NotHere(f"there is no agreement {agreement_id!r}", reason="agreement_not_found")
        rights.amend(getpass.getuser(), replace(found, starts=min(found.starts, last), ends=last))
        withdrawn = found.supplier in rights.withheld()
    click.echo(f"ends {last}{'; its images are withdrawn' if withdrawn else ''}")


@click.command()
@click.option("--image", "image_id", default="", help="Of this image alone.")
@click.option("--who", default="", help="Of this person alone.")
@click.option("--supplier", default="", help="Of this supplier's images alone.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most downloads.")
@library_option
@json_option
def downloads(image_id: str, who: str, supplier: str, limit: int, library_path: Path, as_json: bool) -> None:
    """Show what was handed out, newest first: who, what, what for."""
    from tusou.office.rights import Rights

    with _office(library_path) as (_, office):
        found = Rights(office).history(image_id=image_id, who=who, supplier=supplier, limit=limit)
    if as_json:
        print_json([asdict(download) | {"grant": asdict(grant)} for download, grant in found])
        return
    rows = [
        (_moment(d.at), d.who, d.image_id, d.supplier, g.purpose, g.project, f"{d.size} {d.format}")
        for d, g in found
    ]
    print_table("", ["when", "who", "image", "supplier", "for", "project", "file"], rows)


@click.command()
@click.option("--subject", default="", help="Of this alone, such as image/ID or supplier/NAME.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most entries.")
@library_option
@json_option
def audit(subject: str, limit: int, library_path: Path, as_json: bool) -> None:
    """Show who changed what, newest first; `tusou check` tells whether anybody changed the record."""
    with _office(library_path) as (_, office):
        found = office.history(subject, limit=limit)
    if as_json:
        print_json([asdict(entry) for entry in found])
        return
    rows = [
        (
            str(e.number),
            _moment(e.at),
            e.who,
            e.action,
            e.subject,
            json.dumps(dict(e.after), ensure_ascii=False)[:80],
        )
        for e in found
    ]
    print_table("", ["#", "when", "who", "action", "subject", "after"], rows)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "minutes")
