"""The client that waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx

from tusou.client import calls
from tusou.client.calls import Call, Picture, checked, options, unreachable
from tusou.client.results import Answer, Collection, Grant, Image, Verdict

T = TypeVar("T")


class Tusou:
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
        self._http = httpx.Client(**options(base_url, key, seconds), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def search(self, q: str = "", **filters: Any) -> Answer:
        """Search by words and filters, named as in `GET /search/images` (``supplier``, ``usage`` …)."""
        return self._send(calls.search(q, filters))

    def search_by_image(self, picture: Picture, q: str = "", **filters: Any) -> Answer:
        """Search by a file, its bytes, an address or a library image, with words and filters if any."""
        return self._send(calls.by_image(picture, q, filters))

    def similar(self, image_id: str, **filters: Any) -> Answer:
        """What looks like a library image."""
        return self._send(calls.similar(image_id, filters))

    def image(self, image_id: str, lang: str = "auto") -> Image:
        """Everything about one image."""
        return self._send(calls.image(image_id, lang))

    def suggestions(self, typed: str, limit: int = 8) -> tuple[str, ...]:
        """Phrases that continue what was typed."""
        return self._send(calls.suggestions(typed, limit))

    def may_use(self, image_id: str, purpose: str, **use: Any) -> Verdict:
        """May this image be used for that? ``use``: ``medium``, ``territory``, ``until``, ``modify``."""
        return self._send(calls.may_use(image_id, purpose, use))

    def license(self, image_id: str, purpose: str, project: str = "", **use: Any) -> Grant:
        """License an image; download() then fetches its file."""
        return self._send(calls.license_image(image_id, purpose, project, use))

    def collections(self) -> tuple[Collection, ...]:
        """Every collection, the one changed last first."""
        return self._send(calls.collections())

    def create_collection(self, name: str, description: str = "") -> Collection:
        """Make an empty collection."""
        return self._send(calls.create_collection(name, description))

    def collect(self, collection_id: str, image_ids: Sequence[str]) -> int:
        """Put images into a collection; how many were new."""
        return self._send(calls.collect(collection_id, image_ids))

    def updated(self, since: int = 0, limit: int = 100) -> tuple[dict[str, Any], ...]:
        """Changes numbered above ``since``, oldest first: ``number``, ``image_id``, ``kind``."""
        return self._send(calls.updated(since, limit))

    def search_all(self, q: str = "", **filters: Any) -> Iterator[Image]:
        """Every image of an answer, page by page."""
        answer = self.search(q, **filters)
        while True:
            yield from answer.images
            if answer.next_cursor is None:
                return
            answer = self.search(q, **{**filters, "cursor": answer.next_cursor})

    def download(
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
            with self._http.stream("GET", grant.download_location, params=params) as response:
                if not response.is_success:
                    response.read()
                checked(response)
                with partial.open("wb") as file:
                    for block in response.iter_bytes():
                        file.write(block)
            partial.replace(target)
        except httpx.HTTPError as error:
            raise unreachable(error, self._base_url) from error
        finally:
            partial.unlink(missing_ok=True)
        return target

    def _send(self, call: Call[T]) -> T:
        try:
            response = self._http.request(
                call.method, call.path, params=call.params, json=call.json, data=call.data, files=call.files
            )
        except httpx.HTTPError as error:
            raise unreachable(error, self._base_url) from error
        return call.read(checked(response).json())
