"""``tusou serve``: the web page and the HTTP API."""

from __future__ import annotations

import logging
import sys
import webbrowser
from pathlib import Path

import click

from tusou.cli.common import library_option
from tusou.server.run import is_loopback
from tusou.server.run import serve as run_server


@click.command()
@library_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8321, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
@click.option("--allow-remote", is_flag=True, help="Allow an address that other machines can reach.")
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="Another name the server answers to."
)
@click.option("--log-requests", is_flag=True, help="Write one line per request to stderr.")
def serve(
    library_path: Path,
    host: str,
    port: int,
    open_page: bool,
    allow_remote: bool,
    hosts: tuple[str, ...],
    log_requests: bool,
) -> None:
    """Serve the web page and the HTTP API until Ctrl-C."""
    if not is_loopback(host):
        if not allow_remote:
            raise click.UsageError(
                f"{host} can be reached from other machines, and tusou has no authentication yet; "
                "add --allow-remote if everybody on that network may search and download"
            )
        click.echo(
            f"tusou: warning: everybody who can reach {host} can search and download; "
            "there is no authentication yet",
            err=True,
        )
    _log_to_stderr(logging.INFO if log_requests else logging.WARNING)
    click.echo("tusou: opening the library …", err=True)
    run_server(
        library_path,
        host=host,
        port=port,
        allowed_hosts=hosts,
        on_start=lambda address: _announce(address, open_page),
    )


def _announce(address: str, open_page: bool) -> None:
    click.echo(f"tusou: serving {address}  (API: {address}api/v1/openapi.json, stop: Ctrl-C)", err=True)
    if open_page:
        webbrowser.open(address)


def _log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("tusou", "uvicorn"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
