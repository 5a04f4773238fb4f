"""Connect only to public addresses: resolve once, check every answer, connect to what was checked."""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

import httpcore

from tusou.errors import FetchError

Resolver = Callable[[str, int], Collection[str]]
"""Host and port to IP addresses in text form; raises OSError."""

HostPort = tuple[str, int]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4-compatible, long deprecated
_LARGEST_PIECE = 64 * 1024


def is_public(address: str) -> bool:
    """Whether an IP address, and any IPv4 address carried inside it, is globally routable unicast."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _inner_ipv4(parsed)
        if inner is not None:
            return is_public(str(inner))
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)


def _inner_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end up at (mapped, 6to4, NAT64, compatible)."""
    if address.ipv4_mapped is not None or address.sixtofour is not None:
        return address.ipv4_mapped or address.sixtofour
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the operating system."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class Deadline:
    """A point in time after which every network operation of one fetch fails."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds

    def remaining(self) -> float:
        """Seconds left.

        Raises:
            FetchError: None are (``timeout``).
        """
        left = self._end - time.monotonic()
        if left <= 0:
            message = f"the download took longer than {self._seconds:g} s (setting fetch_seconds)"
            raise FetchError(message, reason="timeout")
        return left


class PublicBackend(httpcore.NetworkBackend):
    """A network that has no private addresses.

    The host is resolved once per connection; every answer must be public, and the connection goes to an
    address that was checked, so a name that changes its answer in between (DNS rebinding) gains nothing.
    The HTTP Host header and TLS name stay what the URL says.
    """

    def __init__(self, deadline: Deadline, allow: Collection[HostPort], resolve: Resolver) -> None:
        """Remember the rules.

        Args:
            deadline: Ends every operation.
            allow: Host and port pairs that may have any address.
            resolve: Turns names into addresses.
        """
        self._deadline = deadline
        self._allow = allow
        self._resolve = resolve
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline rules
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first checked address that answers."""
        failure: Exception | None = None
        for address in self._checked_addresses(host, port):
            try:
                stream = self._network.connect_tcp(
                    address, port, self._deadline.remaining(), local_address, socket_options
                )
                return _TimedStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise FetchError(f"cannot connect to {host}:{port}: {failure}", reason="unreachable") from failure

    def _checked_addresses(self, host: str, port: int) -> Collection[str]:
        addresses = self._resolve_in_time(host, port)
        if not addresses:
            raise FetchError(f"{host} has no address; check the URL", reason="unresolvable")
        if (host, port) not in self._allow:
            for address in addresses:
                if not is_public(address):
                    raise FetchError(
                        f"{host} is {address}, which is not a public address; only public ones are fetched",
                        reason="private_address",
                    )
        return addresses

    def _resolve_in_time(self, host: str, port: int) -> Collection[str]:
        """Resolve in a thread of its own, since the system's resolver knows no time limit."""
        answers: queue.SimpleQueue[Collection[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=self._deadline.remaining())
        except queue.Empty:
            self._deadline.remaining()
            raise
        if isinstance(answer, Exception):
            raise FetchError(f"{host} cannot be resolved ({answer}); check the URL", reason="unresolvable")
        return answer


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every operation ends with the deadline, however slowly the peer drips."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(min(max_bytes, _LARGEST_PIECE), self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.remaining())
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
