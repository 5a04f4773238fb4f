"""Ask a hub about a file: its commit, size and digest, before a byte of it is fetched."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import Any, TypeVar

from tusou.errors import BundleError
from tusou.models.hub.entry import HubFile, HubModel

SECONDS = 30.0
"""Without a byte for so long a connection counts as lost."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_AGENT = {"User-Agent": "tusou"}

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub announces it.

    Attributes:
        path: Inside the repository.
        url: Where it is fetched from, at one commit.
        commit: That commit.
        size: Bytes.
        etag: SHA-256 of large files, Git's object name of small ones.
    """

    path: str
    url: str
    commit: str
    size: int
    etag: str


def default_hub() -> str:
    """Base address of the public hub, as its own client library knows it.

    Raises:
        BundleError: The extra ``hub`` is not installed.
    """
    try:
        from huggingface_hub.constants import ENDPOINT
    except ImportError as error:
        raise BundleError(
            "pulling models needs more libraries; install them with pip install 'tusou[hub]'",
            reason="missing_extra",
        ) from error
    return ENDPOINT


def survey(model: HubModel, hub: str) -> tuple[RemoteFile, ...]:
    """Ask for every file of a model, all at the commit that its revision is now.

    Raises:
        BundleError: The hub cannot be reached, a file is missing, or a digest is not the pinned one.
    """
    revision = model.revision
    found = []
    for file in model.files():
        remote = _announced(file, f"{hub.rstrip('/')}/{model.repository}/resolve/", revision)
        revision = remote.commit
        found.append(remote)
    return tuple(found)


def open_url(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Any:
    """Open an address; the caller closes the response.

    Raises:
        BundleError: It is no web address.
        OSError: It cannot be opened (``HTTPError`` is one).
    """
    if not url.lower().startswith(("http://", "https://")):
        raise BundleError(f"{url} is no http address; name the hub with --hub", reason="hub_address")
    request = urllib.request.Request(url, method=method, headers={**_AGENT, **(headers or {})})  # noqa: S310
    opener = _NO_REDIRECTS if method == "HEAD" else urllib.request.build_opener()
    return opener.open(request, timeout=SECONDS)


def try_again(action: Callable[[], _Result], url: str, *, tries: int = len(PAUSES) + 1) -> _Result:
    """Do something with a hub until it works.

    Args:
        action: What to do; it picks up where the last try broke off.
        url: Where, for the message.
        tries: How often at most.

    Raises:
        BundleError: It failed every time, or in a way that will not pass.
    """
    for i in range(tries):
        try:
            return action()
        except (OSError, HTTPException) as error:
            passing = not isinstance(error, urllib.error.HTTPError) or error.code in _PASSING
            if not passing or i == tries - 1:
                raise _failure(url, error) from error
            time.sleep(PAUSES[i])
    raise AssertionError("unreachable")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What describes a large file stands in the redirect to its store, not behind it."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_NO_REDIRECTS = urllib.request.build_opener(_NoRedirect)


def _announced(file: HubFile, base: str, revision: str) -> RemoteFile:
    url = f"{base}{urllib.parse.quote(revision, safe='')}/{urllib.parse.quote(file.path)}"
    headers = try_again(lambda: _head(url), url, tries=2)
    etag = (headers.get("X-Linked-Etag") or headers.get("ETag") or "").removeprefix("W/").strip('"')
    size = headers.get("X-Linked-Size") or headers.get("Content-Length") or ""
    if not size.isdigit() or not re.fullmatch(r"[0-9A-Za-z._-]+", etag):
        raise BundleError(
            f"{url}: expected size and ETag in the answer, found {size!r} and {etag!r}; is this a model hub?",
            reason="hub_address",
        )
    if file.sha256 and len(etag) == 64 and etag != file.sha256:
        raise BundleError(
            f"{url}: expected sha256 {file.sha256}, the hub announces {etag}; nothing was fetched. The "
            "file was replaced after tusou pinned it",
            reason="hub_digest",
        )
    commit = headers.get("X-Repo-Commit") or revision
    return RemoteFile(file.path, f"{base}{commit}/{urllib.parse.quote(file.path)}", commit, int(size), etag)


def _head(url: str) -> Message:
    try:
        with open_url(url, method="HEAD", headers={"Accept-Encoding": "identity"}) as response:
            headers: Message = response.headers
            return headers
    except urllib.error.HTTPError as error:
        if 300 <= error.code < 400:
            with error:
                return error.headers
        raise


def _failure(url: str, error: Exception) -> BundleError:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        remedy = (
            "the repository or file is not there (any more); name another place with --hub or --repository"
            if error.code == 404
            else "try again later, or name a mirror with --hub"
        )
        return BundleError(f"{url}: the hub answers {error.code}; {remedy}", reason="hub_refused")
    why = getattr(error, "reason", None) or error
    return BundleError(
        f"{url} cannot be reached ({why}). If this machine is offline, pull on another one with "
        "`tusou models pull NAME --output DIR`, copy DIR here and install it with `tusou models add DIR`; a "
        "mirror is named with --hub or HF_ENDPOINT",
        reason="hub_unreachable",
    )
