"""What the client answers with. All the server said is in ``raw``, also what is newer than this client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """One image; fields as in docs/reference/http-api.md."""

    id: str
    title: str
    description: str
    license: str
    attribution: str
    supplier: str
    creator: str
    width: int
    height: int
    thumbnail: str
    probability: float | None
    raw: Json

    @classmethod
    def of(cls, item: Json) -> Image:
        """Read an item."""
        names = (
            "id",
            "title",
            "description",
            "license",
            "attribution",
            "supplier",
            "creator",
            "width",
            "height",
        )
        return cls(
            **{name: item[name] for name in names},
            thumbnail=item["urls"]["thumb"],
            probability=item.get("probability"),
            raw=item,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of a search's answer.

    Attributes:
        query_id: Names this answer, for events.
        images: In order.
        total: Images of the whole answer.
        relevant: Of them above the cut-off; they come first. None where it is not known.
        next_cursor: Where the next page starts; None on the last one.
        raw: Everything.
    """

    query_id: str
    images: tuple[Image, ...]
    total: int
    relevant: int | None
    next_cursor: str | None
    raw: Json

    @classmethod
    def of(cls, body: Json) -> Answer:
        """Read an answer."""
        return cls(
            body["query_id"], tuple(Image.of(item) for item in body["results"]), body["total"],
            body["relevant"], body["next_cursor"], body,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a use is allowed: codes of what forbids it, and what it asks."""

    allowed: bool
    reasons: tuple[str, ...]
    duties: tuple[str, ...]
    raw: Json

    @classmethod
    def of(cls, body: Json) -> Verdict:
        """Read a verdict."""
        return cls(body["allowed"], tuple(body["reasons"]), tuple(body["duties"]), body)


@dataclass(frozen=True, slots=True)
class Grant:
    """A use the library allowed, and where its file is."""

    id: str
    image_id: str
    attribution: str
    duties: tuple[str, ...]
    download_location: str
    raw: Json

    @classmethod
    def of(cls, body: Json) -> Grant:
        """Read a grant."""
        return cls(
            body["id"], body["image_id"], body["attribution"], tuple(body["duties"]),
            body["download_location"], body,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection without its images."""

    id: str
    name: str
    count: int
    raw: Json

    @classmethod
    def of(cls, body: Json) -> Collection:
        """Read a collection."""
        return cls(body["id"], body["name"], body["count"], body)
