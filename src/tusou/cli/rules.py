"""``tusou rules``: pins, boosts, burials and synonyms of a library."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table

if TYPE_CHECKING:
    from tusou.ranking.rules import Rule

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def rules() -> None:
    """Pin, raise and lower images and add synonyms; running servers follow by themselves."""


def _rule_options(command: _Command) -> _Command:
    """Add ``--until``, ``--note``, the library and JSON."""
    for option in (
        json_option,
        library_option,
        click.option("--note", default="", help="Why, for colleagues; explanations show it."),
        click.option(
            "--until",
            type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
            help="When it ends, UTC; never when left out.",
        ),
    ):
        command = option(command)
    return command


@rules.command()
@click.argument("query")
@click.argument("image_id")
@click.option("--rank", type=click.IntRange(1, 100), default=1, show_default=True, help="Its place.")
@_rule_options
def pin(
    query: str, image_id: str, rank: int, until: datetime | None, note: str, library_path: Path, as_json: bool
) -> None:
    """Let image IMAGE_ID stand at a fixed place when people search for QUERY."""
    with open_library(library_path) as library:
        library.catalog.get(image_id)  # says so when there is no such image
    _add(library_path, "pin", query, f"image:{image_id}", until, note, as_json, rank=rank)


def _moving(kind: str, verb: str) -> click.Command:
    @click.command(kind, help=f"{verb} the images TARGET names: image:ID, or a filter such as supplier:NAME.")
    @click.argument("target")
    @click.option(
        "--query", default="", help="Only when people search for these words; always when left out."
    )
    @click.option(
        "--amount",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.2,
        show_default=True,
        help="In parts of the distance from the best to the last candidate's score.",
    )
    @_rule_options
    def move(
        target: str,
        query: str,
        amount: float,
        until: datetime | None,
        note: str,
        library_path: Path,
        as_json: bool,
    ) -> None:
        _check_target(target)
        with open_library(library_path):
            pass
        _add(library_path, kind, query, target, until, note, as_json, amount=amount)

    return move


rules.add_command(_moving("boost", "Raise"))
rules.add_command(_moving("bury", "Lower"))


@rules.command()
@click.argument("words")
@click.argument("target")
@click.option("--both", is_flag=True, help="Also the other way round.")
@_rule_options
def synonym(
    words: str, target: str, both: bool, until: datetime | None, note: str, library_path: Path, as_json: bool
) -> None:
    """Let who searches for WORDS find what is called TARGET as well, a little lower."""
    with open_library(library_path):
        pass
    _add(library_path, "synonym", words, target, until, note, as_json)
    if both:
        _add(library_path, "synonym", target, words, until, note, as_json)


@rules.command("list")
@library_option
@json_option
def list_rules(library_path: Path, as_json: bool) -> None:
    """List every rule, ended ones too."""
    from tusou.ranking.rules import RuleStore

    with open_library(library_path):
        found = RuleStore(library_path).all()
    if as_json:
        print_json([_item(rule) for rule in found])
        return
    now = datetime.now(UTC)
    rows = [
        [
            rule.rule_id,
            rule.kind,
            rule.query or "every search",
            rule.target,
            {"pin": f"place {rule.rank}", "synonym": ""}.get(rule.kind, f"{rule.amount:g}"),
            (f"{rule.until:%Y-%m-%d}" if rule.holds(now) else "ended") if rule.until else "",
            rule.note,
        ]
        for rule in found
    ]
    print_table("", ["rule", "kind", "searches", "target", "how", "until", "note"], rows)


@rules.command()
@click.argument("rule_id", type=click.IntRange(1))
@library_option
@json_option
def remove(rule_id: int, library_path: Path, as_json: bool) -> None:
    """Take rule RULE_ID away."""
    from tusou.ranking.rules import RuleStore

    with open_library(library_path):
        gone = RuleStore(library_path).remove(rule_id)
    if as_json:
        print_json(_item(gone))
    else:
        click.echo(f"rule {gone.rule_id} ({gone.kind} of {gone.target}) is gone")


def _check_target(target: str) -> None:
    """Refuse a target that names nothing: neither an image nor a filter."""
    from tusou.search.filters import is_unfiltered
    from tusou.search.parse import parse_query

    if not target.startswith("image:") and is_unfiltered(parse_query(target).filters):
        raise click.UsageError(
            f"{target!r} names no images: give image:ID, or a filter such as supplier:NAME or license:CODE"
        )


def _add(
    library_path: Path,
    kind: Any,
    query: str,
    target: str,
    until: datetime | None,
    note: str,
    as_json: bool,
    **how: Any,
) -> None:
    from tusou.ranking.rules import RuleStore

    end = until.replace(tzinfo=UTC) if until else None
    if end is not None and end <= datetime.now(UTC):
        raise click.BadParameter(f"{end:%Y-%m-%d %H:%M} UTC is over already", param_hint="--until")
    made = RuleStore(library_path).add(kind, query, target, until=end, note=note, created_by=_user(), **how)
    if as_json:
        print_json(_item(made))
    else:
        click.echo(f"rule {made.rule_id}: {made.kind} {made.target}" + (f" for {query!r}" if query else ""))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id
        return ""


def _item(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json")
