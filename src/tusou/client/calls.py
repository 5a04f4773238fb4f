"""What each method of the client sends and how its answer is read; the two clients only differ in waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from tusou.client.results import Answer, Collection, Grant, Image, Verdict
from tusou.errors import TusouError

T = TypeVar("T")
Picture = Path | bytes | str
"""A file, its bytes, a web address, or the id of a library image."""

SEARCH = "/api/v1/search/images"


class ApiError(TusouError):
    """The server refused; ``status`` is HTTP's, ``reason`` the code listed in docs/reference/errors.md."""

    reason = "api_error"

    def __init__(self, message: str, *, status: int, reason: str, request_id: str = "") -> None:
        """Keep what the server said.

        Args:
            message: In words.
            status: HTTP status; 0 when the server cannot be reached.
            reason: Code.
            request_id: Names the request in the server's log.
        """
        super().__init__(message, reason=reason)
        self.status = status
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how to read its answer."""

    method: str
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    data: Mapping[str, Any] | None = None
    files: Mapping[str, Any] | None = None


def options(base_url: str, key: str, seconds: float) -> dict[str, Any]:
    """Arguments of httpx's clients."""
    headers = {"accept": "application/json", "x-application": "tusou-client"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    return {
        "base_url": base_url.rstrip("/"),
        "headers": headers,
        "timeout": seconds,
        "follow_redirects": False,
    }


def checked(response: httpx.Response) -> httpx.Response:
    """The answer, if it is one.

    Raises:
        ApiError: The server refused.
    """
    if response.is_success:
        return response
    try:
        body = response.json()
    except ValueError:
        body = {}
    raise ApiError(
        body.get("detail") or f"HTTP {response.status_code}",
        status=response.status_code,
        reason=body.get("code") or "http_error",
        request_id=body.get("request_id", ""),
    )


def unreachable(error: httpx.HTTPError, base_url: str) -> ApiError:
    """What to say when no answer came."""
    return ApiError(f"{base_url} does not answer: {error}", status=0, reason="unreachable")


def search(q: str, filters: Mapping[str, Any]) -> Call[Answer]:
    """Search by words."""
    return Call("GET", SEARCH, Answer.of, {"q": q, **_plain(filters)})


def by_image(picture: Picture, q: str, filters: Mapping[str, Any]) -> Call[Answer]:
    """Search by a picture."""
    data = {"q": q, **_plain(filters)}
    files: dict[str, Any] | None = None
    if isinstance(picture, Path):
        files = {"file": (picture.name, picture.read_bytes())}
    elif isinstance(picture, bytes):
        files = {"file": ("picture", picture)}
    elif picture.startswith(("http://", "https://")):
        data["image_url"] = picture
    else:
        data["image_id"] = picture
    if files is None:  # a form with fields alone must still be multipart
        files = {name: (None, str(value)) for name, value in data.items() if value != ""}
        data = {}
    return Call("POST", f"{SEARCH}/by-image", Answer.of, data=data, files=files)


def similar(image_id: str, filters: Mapping[str, Any]) -> Call[Answer]:
    """What is similar to a library image."""
    return Call("GET", f"{_image(image_id)}/similar", Answer.of, _plain(filters))


def image(image_id: str, lang: str) -> Call[Image]:
    """One image."""
    return Call("GET", _image(image_id), Image.of, {"lang": lang})


def suggestions(typed: str, limit: int) -> Call[tuple[str, ...]]:
    """Phrases that continue what was typed."""
    return Call(
        "GET", "/api/v1/search/suggestions", lambda body: tuple(item["text"] for item in body["results"]),
        {"q": typed, "limit": limit},
    )  # fmt: skip


def may_use(image_id: str, purpose: str, use: Mapping[str, Any]) -> Call[Verdict]:
    """May this image be used for that?"""
    return Call("GET", f"{_image(image_id)}/use", Verdict.of, {"purpose": purpose, **_plain(use)})


def license_image(image_id: str, purpose: str, project: str, use: Mapping[str, Any]) -> Call[Grant]:
    """License an image."""
    body = {"image_id": image_id, "purpose": purpose, "project": project, **use}
    return Call("POST", "/api/v1/licenses", Grant.of, json=body)


def collections() -> Call[tuple[Collection, ...]]:
    """Every collection."""
    return Call("GET", "/api/v1/collections", lambda body: tuple(map(Collection.of, body["results"])))


def create_collection(name: str, description: str) -> Call[Collection]:
    """Make a collection."""
    body = {"name": name, "description": description}
    return Call("POST", "/api/v1/collections", Collection.of, json=body)


def collect(collection_id: str, image_ids: Sequence[str]) -> Call[int]:
    """Put images into a collection."""
    path = f"/api/v1/collections/{quote(collection_id, safe='')}/items"
    return Call("POST", path, lambda body: int(body["count"]), json={"image_ids": list(image_ids)})


def updated(since: int, limit: int) -> Call[tuple[dict[str, Any], ...]]:
    """What changed in the library."""
    params = {"since": since, "per_page": limit}
    return Call("GET", "/api/v1/images/updated", lambda body: tuple(body["results"]), params)


def _image(image_id: str) -> str:
    return f"/api/v1/images/{quote(image_id, safe='')}"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as an address writes them; what is None is left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in values.items()
        if value is not None
    }
