"""``tusou train``: a network from a configuration, a ranker, a cut-off, or word vectors."""

from __future__ import annotations

import click

from tusou.cli.train_cutoff import cutoff
from tusou.cli.train_ranker import ranker
from tusou.cli.train_run import run
from tusou.cli.train_word2vec import word2vec


class _ConfigOrVerb(click.Group):
    """``tusou train FILE.toml`` is short for ``tusou train run FILE.toml``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ConfigOrVerb)
def train() -> None:
    """Train a network from CONFIG (short for `tusou train run CONFIG`), a ranker, a cut-off, or words."""


train.add_command(run)
train.add_command(ranker)
train.add_command(cutoff)
train.add_command(word2vec)
