"""A typed client of the HTTP API, for programs: ``Tusou`` and, for asyncio, ``AsyncTusou``.

It needs httpx: ``pip install tusou[client]``.

::

    with Tusou("http://127.0.0.1:8321", key="tusou_…") as tusou:
        for image in tusou.search("雪山", usage="editorial").images:
            print(image.title, image.attribution)
"""

from tusou.client.asynchronous import AsyncTusou
from tusou.client.calls import ApiError
from tusou.client.results import Answer, Collection, Grant, Image, Verdict
from tusou.client.synchronous import Tusou

__all__ = ["Answer", "ApiError", "AsyncTusou", "Collection", "Grant", "Image", "Tusou", "Verdict"]
