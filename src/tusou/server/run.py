"""Run the app under uvicorn: bind first, open the library, drain on SIGTERM."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from tusou.errors import ServeError
from tusou.server.app import LOOPBACK, create_app
from tusou.server.state import ServerState

DRAIN_SECONDS = 10
BACKLOG = 512


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything slow happens.

    Raises:
        ServeError: The port is in use, forbidden, or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _bind_error(error, host, port) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # now, so that a second server is refused now
    except OSError as error:
        listener.close()
        raise _bind_error(error, host, port) from error
    return listener


def _bind_error(error: OSError, host: str, port: int) -> ServeError:
    if error.errno == errno.EADDRINUSE:
        return ServeError(
            f"port {port} of {host} is in use by another program; choose a free one with --port",
            reason="port_in_use",
        )
    if error.errno == errno.EACCES:
        return ServeError(
            f"port {port} needs special rights; use --port with 1024 or more", reason="port_denied"
        )
    return ServeError(f"cannot listen on {host} port {port}: {error.strerror or error}", reason="bad_address")


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class DrainingServer(uvicorn.Server):
    """Says on /readyz that it stops, before it stops."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self.app = app
        self.on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the caller."""
        await super().startup(sockets)
        if self.started:
            self.on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop taking work and drain; a second signal ends at once.

        The base class would raise the signal again after draining, and the process would not end with 0.
        """
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        state = getattr(self.app.state, "tusou", None)
        if state is not None:
            state.ready = False


def serve(
    library_path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8321,
    allowed_hosts: tuple[str, ...] = (),
    on_start: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT or SIGTERM; requests under way get ten seconds to end.

    Args:
        library_path: The library folder.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        allowed_hosts: Further names the server answers to.
        on_start: Called with the page's address once the server can answer.

    Raises:
        TusouError: The library, its index or the model bundle cannot be used.
        ServeError: The port cannot be had, or the server did not start.
    """
    names = {*LOOPBACK, *allowed_hosts, *([] if is_loopback(host) else [host, socket.gethostname()])}
    # Searches run side by side, a core each: a product that takes all cores only makes the others wait.
    with bind(host, port) as listener, threadpool_limits(limits=1, user_api="blas"):
        state = ServerState.open(library_path)  # here, so that its errors reach the caller as they are
        app = create_app(library_path, hosts=names, open_state=lambda _: state)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            lifespan="on",
        )
        server = DrainingServer(config, app, lambda: on_start(page_address(listener)))
        server.run([listener])
    if not server.started:
        raise ServeError("the server did not start; the lines above say why", reason="start_failed")


def page_address(listener: socket.socket) -> str:
    """The page's address as a browser takes it."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
