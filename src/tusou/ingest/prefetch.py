"""Fetch addresses a few ahead of the workers, in threads; files pass through."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from tusou.catalog.records import Refusal
from tusou.errors import FetchError
from tusou.ingest.items import InlineContent, UrlContent
from tusou.ingest.worker import Work

THREADS = 8
"""Downloads at once."""


def prefetch(works: Iterable[Work], fetch: Callable[[str], bytes]) -> Iterator[Work | Refusal]:
    """Replace addresses by their bytes, keeping the order; an address that cannot be had is a refusal.

    Args:
        works: Items on their way to the workers.
        fetch: Downloads one address; raises FetchError.
    """
    waiting: deque[tuple[Work, Future[bytes] | None]] = deque()
    with ThreadPoolExecutor(THREADS, "fetch") as threads:
        try:
            for work in works:
                content = work.item.content
                address = content.url if isinstance(content, UrlContent) else None
                waiting.append((work, None if address is None else threads.submit(fetch, address)))
                while waiting and (waiting[0][1] is None or len(waiting) >= THREADS):
                    yield _settle(*waiting.popleft())
            while waiting:
                yield _settle(*waiting.popleft())
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _settle(work: Work, future: Future[bytes] | None) -> Work | Refusal:
    if future is None:
        return work
    try:
        return replace(work, item=replace(work.item, content=InlineContent(future.result())))
    except FetchError as error:
        return work.item.refuse(error.reason, str(error))
