"""``tusou train``: what can be trained."""

from __future__ import annotations

import click

from tusou.cli.train_word2vec import word2vec


@click.group()
def train() -> None:
    """Train word vectors."""


train.add_command(word2vec)
