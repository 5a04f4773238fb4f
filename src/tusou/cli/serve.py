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
        _check_remote(library_path, host, allow_remote)
    _log_to_stderr(logging.INFO if log_requests else logging.WARNING)
    click.echo("tusou: opening the library …", err=True)
    run_server(
        library_path,
        host=host,
        port=port,
        allowed_hosts=hosts,
        on_start=lambda address: _announce(address, open_page),
    )


def _check_remote(library_path: Path, host: str, allow_remote: bool) -> None:
    """Let other machines in only where somebody answers for it."""
    if _has_accounts(library_path):
        click.echo(
            "tusou: put a proxy with TLS in front: over plain HTTP passwords can be read on the way",
            err=True,
        )
        return
    if not allow_remote:
        raise click.UsageError(
            f"{host} can be reached from other machines, and this library has no accounts: make the first "
            "one with `tusou users add NAME --role admin`, or add --allow-remote if everybody on that "
            "network may do everything"
        )
    click.echo(
        f"tusou: warning: everybody who can reach {host} can do everything; there are no accounts", err=True
    )


def _has_accounts(library_path: Path) -> bool:
    from tusou.office.accounts import Accounts
    from tusou.office.schema import FILE_NAME
    from tusou.office.store import Office

    if not (library_path / FILE_NAME).exists():
        return False
    office = Office(library_path)
    try:
        return Accounts(office).exist()
    finally:
        office.close()


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
