"""Pull a known model: everything announced, fetched, converted and tried before it is a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tusou.errors import StorageFull
from tusou.models.bundle import Bundle, load_bundle
from tusou.models.hub.assemble import assemble
from tusou.models.hub.download import download
from tusou.models.hub.entry import HubModel
from tusou.models.hub.remote import RemoteFile

MAX_BYTES = 8 * 10**9
"""A model of more is none of those known; it would also not fit one graph file of 2 GB a tower."""


def pull(
    model: HubModel,
    remotes: tuple[RemoteFile, ...],
    work: Path,
    *,
    check: Callable[[Bundle], None],
    progress: Callable[[float], None] = lambda _: None,
) -> Bundle:
    """Fetch and convert a model.

    Args:
        model: What to pull.
        remotes: Its files, as ``survey`` found them.
        work: Folder for what is on its way; one of the same model that broke off goes on from there.
        check: Tries the towers; raises when they do not work.
        progress: Told the part fetched, 0 to 1.

    Returns:
        The bundle, in ``work``; the caller moves it to its place and removes ``work``.

    Raises:
        BundleError: Something on the hub is not as expected; no bundle was made.
        StorageFull: The disk has too little room.
    """
    work.mkdir(parents=True, exist_ok=True)
    _check_room(remotes, work)
    downloads, total = work / "files", sum(remote.size for remote in remotes)
    arrived = 0

    def count(amount: int) -> None:
        nonlocal arrived
        arrived += amount
        progress(arrived / max(1, total))

    pinned = {file.path: file.sha256 for file in model.files()}
    digests = {
        remote.path: download(remote, downloads / remote.path, pinned=pinned[remote.path], progress=count)
        for remote in remotes
    }
    target = work / "bundle"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    assemble(model, remotes[0].commit, digests, downloads, target)
    bundle = load_bundle(target)
    check(bundle)
    return bundle


def _check_room(remotes: tuple[RemoteFile, ...], work: Path) -> None:
    """Twice the size is needed: what is fetched and what it becomes."""
    size = sum(remote.size for remote in remotes)
    free = shutil.disk_usage(work).free
    if 2 * size > free or size > MAX_BYTES:
        raise StorageFull(
            f"the model has {size:,} bytes and takes twice that while it is converted; {free:,} are free at "
            f"{work} and at most {MAX_BYTES:,} are taken"
        )
