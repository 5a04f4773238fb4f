"""``tusou mcp``: the library as tools of an assistant."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import click


@click.command()
@click.option(
    "--server", "base_url", default="http://127.0.0.1:8321", show_default=True, help="A tusou server."
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File with a key of that library; the environment variable TUSOU_KEY when left out.",
)
def mcp(base_url: str, key_file: Path | None) -> None:
    """Serve search, show, similar and licence check over the Model Context Protocol.

    An assistant starts this command itself: name it in its configuration. It needs the mcp extra.
    """
    if find_spec("mcp") is None or find_spec("httpx") is None:
        raise click.UsageError("this needs the mcp extra: pip install 'tusou[mcp]'")
    from tusou.client.assistant import assistant_server

    key = key_file.read_text("utf-8").strip() if key_file else os.environ.get("TUSOU_KEY", "")
    assistant_server(base_url, key).run()
