"""The ``tusou`` command: a menu of verbs, each loaded only when called."""

from __future__ import annotations

import importlib
import sys

import click

from tusou import __version__
from tusou.errors import TusouError

VERBS: dict[str, tuple[str, str]] = {
    "ingest": ("tusou.cli.ingest:ingest", "Bring a supplier's images into the library."),
    "supplier": ("tusou.cli.supplier:supplier", "Add, list, change and remove suppliers."),
    "jobs": ("tusou.cli.jobs:jobs", "Show ingest jobs and the files they refused."),
    "search": ("tusou.cli.search:search", "Search by words, by picture, or both."),
    "similar": ("tusou.cli.similar:similar", "Find images similar to one of the library."),
    "show": ("tusou.cli.show:show", "Show everything known about one image."),
    "remove": ("tusou.cli.remove:remove", "Take images out of the library."),
    "stats": ("tusou.cli.stats:stats", "Count what the library holds."),
    "check": ("tusou.cli.check:check", "Verify catalog, blobs, embeddings and index."),
    "rebuild": ("tusou.cli.rebuild:rebuild", "Build the derived data anew from the catalog."),
    "serve": ("tusou.cli.serve:serve", "Serve the web page and the HTTP API."),
    "agreements": ("tusou.cli.rights:agreements", "Record what suppliers let the library do."),
    "downloads": ("tusou.cli.rights:downloads", "Show what was handed out, to whom, what for."),
    "audit": ("tusou.cli.rights:audit", "Show who changed what."),
    "users": ("tusou.cli.users:users", "Say who may use a served library."),
    "keys": ("tusou.cli.users:keys", "Manage the keys of programs."),
    "mcp": ("tusou.cli.mcp:mcp", "Let an assistant use a served library."),
    "data": ("tusou.cli.data:data", "Look at training data before training."),
    "train": ("tusou.cli.train:train", "Train word vectors."),
    "rankers": ("tusou.cli.rankers:rankers", "Manage the rankers of a library."),
    "rules": ("tusou.cli.rules:rules", "Pin, raise and lower images and add synonyms."),
    "words": ("tusou.cli.words:words", "Ask word vectors for similar words and analogies."),
    "eval": ("tusou.cli.eval:evaluate", "Measure retrieval quality."),
    "judgments": ("tusou.cli.judgments:judgments", "Bring grades in and out; see how judges agree."),
    "feedback": ("tusou.cli.feedback:feedback", "Look at searches and clicks; bring logs in and out."),
    "models": ("tusou.cli.models:models", "Manage model bundles; switch a library to another."),
    "bench": ("tusou.cli.bench:bench", "Run the speed scenarios."),
    "licenses": ("tusou.cli.licenses:licenses", "List the licences tusou knows."),
}
"""Verb to (where its command lives, help line)."""


class LazyGroup(click.Group):
    """A group whose commands are imported on use, so that ``tusou --help`` is quick."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Verbs in the order of the menu."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module."""
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the menu without importing the verbs."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tusou")
def cli() -> None:
    """Search (图搜) a licensed image library by words and by picture, in Chinese and English."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors become one line on stderr and an exit code (1 failed, 2 wrong usage)."""
    try:
        code = cli.main(arguments, prog_name="tusou", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("tusou: interrupted; what was acknowledged is kept", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TusouError as error:
        click.echo(f"tusou: {error} [{error.reason}]", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
