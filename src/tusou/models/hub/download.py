"""Fetch a hub's file: resumed where it broke off, never longer than announced, checked against its digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tusou.errors import BundleError
from tusou.models.hub.remote import RemoteFile, open_url, try_again

_BLOCK = 1024 * 1024


def download(
    remote: RemoteFile,
    target: Path,
    *,
    pinned: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> str:
    """Fetch one file, or take it as it is when an earlier pull brought it whole.

    Args:
        remote: What to fetch.
        target: Where to put it. What has arrived so far lies beside it, named after the ETag, so that a
            later pull goes on with it and a replaced file starts anew.
        pinned: SHA-256 it must have; empty when none is known.
        progress: Told the number of bytes as they arrive.

    Returns:
        SHA-256 of the file.

    Raises:
        BundleError: It cannot be fetched, or is not what was announced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{remote.etag[:16]}.part")
    if target.exists():
        target.replace(part)
    progress(part.stat().st_size if part.exists() else 0)
    try_again(partial(_fetch_rest, remote, part, progress), remote.url)
    digest = _verified(remote, part, pinned)
    part.replace(target)
    return digest


def _fetch_rest(remote: RemoteFile, part: Path, progress: Callable[[int], None]) -> None:
    """Fetch what is missing."""
    done = part.stat().st_size if part.exists() else 0
    if done == remote.size:
        return
    if done > remote.size:
        part.unlink()
        done = 0
    wanted = {"Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
    with open_url(remote.url, headers=wanted) as response:
        if done and response.status != 206:  # the hub sends everything again
            progress(-done)
            done = 0
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            _copy(response, file, remote, done, progress)
            file.flush()
            os.fsync(file.fileno())


def _copy(response: Any, file: Any, remote: RemoteFile, done: int, progress: Callable[[int], None]) -> None:
    while block := response.read(_BLOCK):
        done += len(block)
        if done > remote.size:
            raise BundleError(
                f"{remote.url}: expected {remote.size:,} bytes, the hub sends more; nothing was installed",
                reason="hub_digest",
            )
        file.write(block)
        progress(len(block))
    if done < remote.size:
        raise ConnectionError(f"the connection ended after {done:,} of {remote.size:,} bytes")


def _verified(remote: RemoteFile, part: Path, pinned: str) -> str:
    """SHA-256 of a whole file; a wrong one is thrown away, or the next pull would go on with it."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)
    with part.open("rb") as file:
        while block := file.read(_BLOCK):
            sha256.update(block)
            git.update(block)
    announced = {64: sha256.hexdigest(), 40: git.hexdigest()}.get(len(remote.etag), remote.etag)
    for expected, found in ((remote.etag, announced), (pinned or sha256.hexdigest(), sha256.hexdigest())):
        if expected != found:
            part.unlink()
            raise BundleError(
                f"{remote.url}: expected digest {expected}, found {found}; the file was thrown "
                "away, pull again",
                reason="hub_digest",
            )
    return sha256.hexdigest()
