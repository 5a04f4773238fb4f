"""``tusou users`` and ``tusou keys``: who may use a served library, and programs' keys."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table

if TYPE_CHECKING:
    from tusou.office.accounts import Accounts

ROLES = ("searcher", "contributor", "reviewer", "manager", "admin")
_role = click.option(
    "--role", type=click.Choice(ROLES), default="searcher", show_default=True, help="What may be done."
)


@contextmanager
def _accounts(library_path: Path) -> Iterator[Accounts]:
    from tusou.office.accounts import Accounts
    from tusou.office.store import Office

    with open_library(library_path) as library:
        office = Office(library.path)
        try:
            yield Accounts(office)
        finally:
            office.close()


def _password() -> str:
    """Asked for twice; read from standard input where there is no terminal, never from the command line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


@click.group()
def users() -> None:
    """Say who may use the library over the network; the first account, an admin's, turns accounts on."""


@users.command("add")
@click.argument("name")
@_role
@click.option("--title", default="", help="Name shown to people.")
@library_option
def add_user(name: str, role: str, title: str, library_path: Path) -> None:
    """Make the account NAME; asks for its password, or reads it from standard input."""
    with _accounts(library_path) as accounts:
        made = accounts.add_user(getpass.getuser(), name, _password(), role, title)  # type: ignore[arg-type]
    click.echo(f"account {made.name}, {made.role}")


@users.command("list")
@library_option
@json_option
def list_users(library_path: Path, as_json: bool) -> None:
    """Show everybody with role and state."""
    with _accounts(library_path) as accounts:
        found = accounts.users()
    if as_json:
        print_json(
            [{"name": u.name, "title": u.title, "role": u.role, "disabled": u.disabled} for u in found]
        )
        return
    rows = [(u.name, u.title, u.role, "no" if u.disabled else "yes", _day(u.created)) for u in found]
    print_table("", ["name", "shown as", "role", "may sign in", "made"], rows)


@users.command("change")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="A new role.")
@click.option("--disable/--enable", "disabled", default=None, help="Keep somebody out, or let them in again.")
@click.option("--password", "new_password", is_flag=True, help="Ask for a new password.")
@library_option
def change_user(
    name: str, role: str | None, disabled: bool | None, new_password: bool, library_path: Path
) -> None:
    """Change the account NAME; signs it out everywhere."""
    password = _password() if new_password else ""
    with _accounts(library_path) as accounts:
        made = accounts.change_user(
            getpass.getuser(),
            name,
            role=role,  # type: ignore[arg-type] # click has checked it
            disabled=disabled,
            password=password,
        )
    click.echo(f"account {made.name}, {made.role}{', disabled' if made.disabled else ''}")


@click.group()
def keys() -> None:
    """Manage the keys of programs."""


@keys.command("add")
@click.argument("owner")
@click.option("--note", required=True, help="What it is for.")
@click.option(
    "--may",
    "permissions",
    multiple=True,
    required=True,
    metavar="PERMISSION",
    help="What it may do; may be repeated.",
)
@click.option(
    "--days", type=click.FloatRange(0, 365, min_open=True), default=90.0, show_default=True, help="How long."
)
@library_option
def add_key(owner: str, note: str, permissions: tuple[str, ...], days: float, library_path: Path) -> None:
    """Make a key for OWNER that may do some of what OWNER may; it is printed this once."""
    from tusou.errors import NotHere
    from tusou.office.accounts import Account, permissions_of

    with _accounts(library_path) as accounts:
        user = next((each for each in accounts.users() if each.name == owner), None)
        if user is None:
            raise NotHere(
                f"there is no account {owner!r}; `tusou users list` lists them", reason="user_not_found"
            )
        maker = Account(user.name, user.role, permissions_of(user.role))
        _, secret = accounts.make_key(maker, note, permissions, days)  # type: ignore[arg-type]
    click.echo(secret)


@keys.command("list")
@library_option
@json_option
def list_keys(library_path: Path, as_json: bool) -> None:
    """Show keys without their secrets."""
    with _accounts(library_path) as accounts:
        found = accounts.keys()
    rows = [
        (
            k.key_id,
            k.owner,
            k.note,
            " ".join(sorted(k.permissions)),
            _day(k.expires),
            _day(k.used) if k.used else "never",
        )
        for k in found
    ]
    if as_json:
        names = ("id", "owner", "note", "permissions", "expires", "used")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table("", ["id", "owner", "for", "may", "until", "used"], rows)


@keys.command("end")
@click.argument("key_id")
@library_option
def end_key(key_id: str, library_path: Path) -> None:
    """End the key KEY_ID at once."""
    with _accounts(library_path) as accounts:
        accounts.end_key(getpass.getuser(), key_id)
    click.echo(f"key {key_id} ended")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
