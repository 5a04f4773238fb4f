"""Download one URL that somebody else chose, without reaching into our own network or being held up."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpcore

from tusou import __version__
from tusou.config import Config
from tusou.errors import FetchError
from tusou.ingest.addresses import Deadline, HostPort, PublicBackend, Resolver, system_resolver

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_URL = 4096
_URL_CHARACTERS = "/%:@!$&'()*+,;=~?"
_HEADERS = (
    ("User-Agent", f"tusou/{__version__}"),
    ("Accept", "image/*,*/*;q=0.5"),
    ("Accept-Encoding", "identity"),
)
_trust = lru_cache(maxsize=1)(httpcore.default_ssl_context)  # reading the certificates takes 20 ms


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one download may cost.

    Attributes:
        max_bytes: Largest body, after decoding, in bytes.
        seconds: Longest time for everything: names, connections, redirects, the last byte.
        redirects: Redirects followed.
    """

    max_bytes: int = 256 * 1024 * 1024
    seconds: float = 20.0
    redirects: int = 3

    @classmethod
    def from_config(cls, config: Config) -> FetchLimits:
        """The limits for ingest that a library's settings ask for."""
        return cls(config.max_file_bytes, config.fetch_seconds, config.fetch_redirects)


@dataclass(frozen=True, slots=True)
class FetchedBytes:
    """A downloaded body.

    Attributes:
        data: The bytes.
        content_type: Media type as the server names it, lower case, no parameters; may be empty or wrong.
        final_url: Where the last redirect led.
    """

    data: bytes
    content_type: str
    final_url: str


def fetch(
    url: str,
    limits: FetchLimits,
    *,
    allow: Collection[HostPort] = (),
    resolve: Resolver = system_resolver,
) -> FetchedBytes:
    """Download a URL.

    Only http and https on their usual ports, without a user name, to hosts all of whose addresses are
    public; each redirect is checked like the first URL. Proxies of the environment are not used.

    Args:
        url: What to download.
        limits: What it may cost.
        allow: (host, port) pairs that are exempt from the port and address rules, for tests and intranets.
        resolve: Turns host names into addresses.

    Raises:
        FetchError: ``bad_url``, ``port_not_allowed``, ``unresolvable``, ``private_address``, ``unreachable``,
            ``timeout``, ``too_many_redirects``, ``bad_status``, ``too_large``, ``incomplete``,
            ``bad_response`` or ``unsupported_encoding``.
    """
    deadline = Deadline(limits.seconds)
    backend = PublicBackend(deadline, allow, resolve)
    with httpcore.ConnectionPool(ssl_context=_trust(), network_backend=backend) as pool:
        for _ in range(limits.redirects + 1):
            url = _checked_url(url, allow)
            answer = _request(pool, url, limits)
            if isinstance(answer, FetchedBytes):
                return answer
            url = urljoin(url, answer)
    raise FetchError(
        f"{url}: more than {limits.redirects} redirects (setting fetch_redirects)",
        reason="too_many_redirects",
    )


def _checked_url(url: str, allow: Collection[HostPort]) -> str:
    """The URL in ASCII, without fragment, if its scheme, host and port may be used at all."""
    if len(url) > _LONGEST_URL:
        raise FetchError(
            f"the URL has {len(url)} characters; at most {_LONGEST_URL} are taken", reason="bad_url"
        )
    try:
        parts = urlsplit(url)
        host = _ascii_host(parts.hostname or "")
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except (ValueError, UnicodeError) as error:
        raise FetchError(f"{url!r} is no valid URL: {error}", reason="bad_url") from error
    if parts.scheme not in _PORTS or not host:
        raise FetchError(f"{url!r}: expected http://host/… or https://host/…", reason="bad_url")
    if parts.username is not None or parts.password is not None:
        raise FetchError("a URL with a user name or password is not fetched", reason="bad_url")
    if port != _PORTS[parts.scheme] and (host, port) not in allow:
        raise FetchError(f"{url!r}: only ports 80 and 443 are fetched", reason="port_not_allowed")
    bare = f"[{host}]" if ":" in host else host
    where = bare if parts.port is None else f"{bare}:{port}"
    path, query = (quote(part, safe=_URL_CHARACTERS) for part in (parts.path or "/", parts.query))
    return urlunsplit((parts.scheme, where, path, query, ""))


def _ascii_host(host: str) -> str:
    return host if ":" in host else host.encode("idna").decode("ascii")


def _request(pool: httpcore.ConnectionPool, url: str, limits: FetchLimits) -> FetchedBytes | str:
    """The body, or where a redirect leads."""
    try:
        with pool.stream("GET", url, headers=[("Host", urlsplit(url).netloc), *_HEADERS]) as response:
            fields = {key.decode("latin-1").lower(): value for key, value in response.headers}
            if response.status in _REDIRECTS and "location" in fields:
                return quote(fields["location"], safe=_URL_CHARACTERS + "#[]")
            if response.status != 200:
                raise FetchError(f"{url} answered with status {response.status}", reason="bad_status")
            data = _read_body(url, response.iter_stream(), fields, limits.max_bytes)
    except httpcore.TimeoutException as error:
        raise FetchError(f"{url}: no answer in {limits.seconds:g} s", reason="timeout") from error
    except httpcore.NetworkError as error:
        reason = "unreachable" if isinstance(error, httpcore.ConnectError) else "incomplete"
        raise FetchError(f"{url}: the connection failed: {error}", reason=reason) from error
    except httpcore.ProtocolError as error:
        reason = "incomplete" if "peer closed" in str(error) else "bad_response"
        raise FetchError(f"{url}: the answer is not valid HTTP: {error}", reason=reason) from error
    return FetchedBytes(data, _word(fields, "content-type").partition(";")[0].strip(), url)


def _word(fields: dict[str, bytes], name: str) -> str:
    return fields.get(name, b"").decode("latin-1").strip().lower()


def _read_body(url: str, pieces: Iterable[bytes], fields: dict[str, bytes], max_bytes: int) -> bytes:
    """Collect a body, never holding more than max_bytes of it."""
    announced = _word(fields, "content-length")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(url, max_bytes)
    encoding = _word(fields, "content-encoding")
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise FetchError(
            f"{url}: content encoding {encoding!r} was not asked for", reason="unsupported_encoding"
        )
    unzip = None
    if encoding not in ("", "identity"):
        unzip = zlib.decompressobj(wbits=47)  # gzip or zlib, told apart by the header
    body = bytearray()
    try:
        for piece in pieces:
            body += piece if unzip is None else unzip.decompress(piece, max_bytes + 1 - len(body))
            if len(body) > max_bytes:
                raise _too_large(url, max_bytes)
    except zlib.error as error:
        raise FetchError(f"{url}: the compressed body is damaged: {error}", reason="bad_response") from error
    if unzip is not None and not unzip.eof:
        raise FetchError(f"{url}: the compressed body is cut short", reason="incomplete")
    return bytes(body)


def _too_large(url: str, max_bytes: int) -> FetchError:
    return FetchError(
        f"{url}: the body is larger than {max_bytes:,} bytes (setting max_file_bytes)", reason="too_large"
    )
