"""The client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx

from tusou.client import calls
from tusou.client.calls import Call, Picture, checked, options, unreachable
from tusou.client.results import Answer, Collection, Grant, Image, Verdict

T = TypeVar("T")


class AsyncTusou:
    """A tusou server; use as a context manager. Every method raises ApiError when the server refuses."""

    def __init__(self, base_url: str, *, key: str = "", seconds: float = 30.0, transport: Any = None) -> None:
        """Say which server.

        Args:
            base_url: Its address, such as ``http://127.0.0.1:8321``.
            key: A key, where the library has accounts.
            seconds: How long an answer may take.
            transport: httpx's, for tests.
        """
        self._base_url = base_url
        self._http = httpx.AsyncClient(**options(base_url, key, seconds), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def search(self, q: str = "", **filters: Any) -> Answer:
        """Search by words and filters, named as in `GET /search/images` (``supplier``, ``usage`` …)."""
        return await self._send(calls.search(q, filters))

    async def search_by_image(self, picture: Picture, q: str = "", **filters: Any) -> Answer:
        """Search by a file, its bytes, an address or a library image, with words and filters if any."""
        return await self._send(calls.by_image(picture, q, filters))

    async def similar(self, image_id: str, **filters: Any) -> Answer:
        """What looks like a library image."""
        return await self._send(calls.similar(image_id, filters))

    async def image(self, image_id: str, lang: str = "auto") -> Image:
        """Everything about one image."""
        return await self._send(calls.image(image_id, lang))

    async def suggestions(self, typed: str, limit: int = 8) -> tuple[str, ...]:
        """Phrases that continue what was typed."""
        return await self._send(calls.suggestions(typed, limit))

    async def may_use(self, image_id: str, purpose: str, **use: Any) -> Verdict:
        """May this image be used for that? ``use``: ``medium``, ``territory``, ``until``, ``modify``."""
        return await self._send(calls.may_use(image_id, purpose, use))

    async def license(self, image_id: str, purpose: str, project: str = "", **use: Any) -> Grant:
        """License an image; download() then fetches its file."""
        return await self._send(calls.license_image(image_id, purpose, project, use))

    async def collections(self) -> tuple[Collection, ...]:
        """Every collection, the one changed last first."""
        return await self._send(calls.collections())

    async def create_collection(self, name: str, description: str = "") -> Collection:
        """Make an empty collection."""
        return await self._send(calls.create_collection(name, description))

    async def collect(self, collection_id: str, image_ids: Sequence[str]) -> int:
        """Put images into a collection; how many were new."""
        return await self._send(calls.collect(collection_id, image_ids))

    async def updated(self, since: int = 0, limit: int = 100) -> tuple[dict[str, Any], ...]:
        """Changes numbered above ``since``, oldest first: ``number``, ``image_id``, ``kind``."""
        return await self._send(calls.updated(since, limit))

    async def search_all(self, q: str = "", **filters: Any) -> AsyncIterator[Image]:
        """Every image of an answer, page by page."""
        answer = await self.search(q, **filters)
        while True:
            for image in answer.images:
                yield image
            if answer.next_cursor is None:
                return
            answer = await self.search(q, **{**filters, "cursor": answer.next_cursor})

    async def download(
        self,
        grant: Grant,
        target: Path,
        *,
        size: Literal["original", "2048", "1280", "512"] = "original",
        image_format: Literal["original", "jpeg", "png", "webp"] = "original",
    ) -> Path:
        """Fetch the file of a grant into ``target``, whole or not at all; returns it."""
        params = {"size": size, "format": image_format}
        partial = target.with_name(f".{target.name}.part")
        try:
            async with self._http.stream("GET", grant.download_location, params=params) as response:
                if not response.is_success:
                    await response.aread()
                checked(response)
                with partial.open("wb") as file:
                    async for block in response.aiter_bytes():
                        file.write(block)
            partial.replace(target)
        except httpx.HTTPError as error:
            raise unreachable(error, self._base_url) from error
        finally:
            partial.unlink(missing_ok=True)
        return target

    async def _send(self, call: Call[T]) -> T:
        try:
            response = await self._http.request(
                call.method, call.path, params=call.params, json=call.json, data=call.data, files=call.files
            )
        except httpx.HTTPError as error:
            raise unreachable(error, self._base_url) from error
        return call.read(checked(response).json())
