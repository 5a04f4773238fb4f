"""Collections (lightboxes): images in an order people choose, with comments, shared by expiring links."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from tusou.errors import Conflict, Expired, NotHere, OfficeError
from tusou.office.schema import collections, comments, items, shares
from tusou.office.store import Change, Office, new_id

LONGEST_NAME, LONGEST_TEXT = 200, 4_000
MOST_ITEMS = 10_000
"""Images of one collection; every one of them is read to show it."""

LONGEST_SHARE_DAYS = 365


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection without its images.

    Attributes:
        collection_id: Random name.
        name: What people call it.
        description: Free words.
        owner: Who made it.
        created: When, POSIX seconds.
        updated: When anything of it last changed.
        revision: Raised when name or description change; a change names the one it read.
        count: Number of images.
    """

    collection_id: str
    name: str
    description: str
    owner: str
    created: float
    updated: float
    revision: int
    count: int


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a collection."""

    image_id: str
    added: float
    added_by: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote of a collection, or of one of its images.

    Attributes:
        comment_id: Random name.
        image_id: The image; empty when it is about the collection.
        author: Who wrote it.
        words: What.
        created: When, POSIX seconds.
    """

    comment_id: str
    image_id: str
    author: str
    words: str
    created: float


@dataclass(frozen=True, slots=True)
class Share:
    """A link that shows a collection to whoever has it, until it expires; its secret is kept as a digest."""

    share_id: str
    collection_id: str
    created: float
    created_by: str
    expires: float


class Collections:
    """The collections of an office."""

    def __init__(self, office: Office) -> None:
        """Use an open office; it stays the caller's to close."""
        self._office = office

    def all(self) -> list[Collection]:
        """Every collection, the one changed last first."""
        with self._office.reading() as connection:
            return _read(connection)

    def get(self, collection_id: str) -> Collection:
        """One collection.

        Raises:
            NotHere: There is none of this id.
        """
        with self._office.reading() as connection:
            return _get(connection, collection_id)

    def create(self, who: str, name: str, description: str = "") -> Collection:
        """Make an empty collection.

        Raises:
            OfficeError: The name is empty or too long (``bad_name``).
        """
        _check_texts(name, description)
        made = Collection(new_id(), name.strip(), description.strip(), who, time.time(), time.time(), 1, 0)
        with self._office.changing(who) as change:
            values = asdict(made)
            del values["count"]
            change.connection.execute(insert(collections).values(**values))
            change.record("collection.create", _subject(made.collection_id), after=_texts(made))
        return made

    def rename(self, who: str, collection_id: str, revision: int, name: str, description: str) -> Collection:
        """Change name and description.

        Args:
            who: Who changes it.
            collection_id: Which.
            revision: The revision that was read.
            name: New name.
            description: New description.

        Raises:
            NotHere: There is none of this id.
            Conflict: Somebody else changed it meanwhile.
            OfficeError: The name is empty or too long (``bad_name``).
        """
        _check_texts(name, description)
        with self._office.changing(who) as change:
            old = _get(change.connection, collection_id)
            if old.revision != revision:
                raise Conflict(
                    f"collection {old.name!r} was changed meanwhile (revision {old.revision}, not "
                    f"{revision}); read it again and repeat the change"
                )
            values = {"name": name.strip(), "description": description.strip(), "revision": revision + 1}
            _touch(change, collection_id, **values)
            change.record("collection.rename", _subject(collection_id), _texts(old), values)
            return _get(change.connection, collection_id)

    def remove(self, who: str, collection_id: str) -> None:
        """Delete a collection with its comments and links; the images stay in the library.

        Raises:
            NotHere: There is none of this id.
        """
        with self._office.changing(who) as change:
            old = _get(change.connection, collection_id)
            kept = [item.image_id for item in _items(change.connection, collection_id)]
            change.connection.execute(delete(collections).where(collections.c.collection_id == collection_id))
            change.record("collection.delete", _subject(collection_id), {**_texts(old), "images": kept})

    # Images

    def items(self, collection_id: str) -> list[Item]:
        """Images of a collection in its order.

        Raises:
            NotHere: There is none of this id.
        """
        with self._office.reading() as connection:
            _get(connection, collection_id)
            return _items(connection, collection_id)

    def holding(self, image_id: str) -> list[Collection]:
        """Collections that hold an image."""
        with self._office.reading() as connection:
            query = select(items.c.collection_id).where(items.c.image_id == image_id)
            found = set(connection.scalars(query))
            return [each for each in _read(connection) if each.collection_id in found]

    def add(self, who: str, collection_id: str, image_ids: Sequence[str]) -> int:
        """Put images at the end; those it holds already stay where they are.

        Args:
            who: Who adds them.
            collection_id: Where to.
            image_ids: Which; the caller knows that they are in the library.

        Returns:
            How many were new.

        Raises:
            NotHere: There is no such collection.
            OfficeError: It would hold more than MOST_ITEMS (``collection_full``).
        """
        with self._office.changing(who) as change:
            _get(change.connection, collection_id)
            held = {item.image_id for item in _items(change.connection, collection_id)}
            new = [image_id for image_id in dict.fromkeys(image_ids) if image_id not in held]
            if len(held) + len(new) > MOST_ITEMS:
                raise OfficeError(
                    f"a collection holds at most {MOST_ITEMS} images, this would be {len(held) + len(new)}",
                    reason="collection_full",
                )
            if new:
                last = _last_place(change.connection, collection_id)
                values = [
                    {"collection_id": collection_id, "image_id": image_id, "place": last + 1 + at,
                     "added": change.at, "added_by": who}
                    for at, image_id in enumerate(new)
                ]  # fmt: skip
                change.connection.execute(insert(items), values)
                _touch(change, collection_id)
                change.record("collection.add", _subject(collection_id), after={"images": new})
            return len(new)

    def take_out(self, who: str, collection_id: str, image_ids: Sequence[str]) -> int:
        """Take images out; those it does not hold are no error.

        Returns:
            How many it held.

        Raises:
            NotHere: There is no such collection.
        """
        with self._office.changing(who) as change:
            _get(change.connection, collection_id)
            held = [
                i.image_id for i in _items(change.connection, collection_id) if i.image_id in set(image_ids)
            ]
            if held:
                change.connection.execute(
                    delete(items).where(items.c.collection_id == collection_id, items.c.image_id.in_(held))
                )
                _touch(change, collection_id)
                change.record("collection.take_out", _subject(collection_id), {"images": held})
            return len(held)

    def move(self, who: str, collection_id: str, image_ids: Sequence[str], before: str = "") -> None:
        """Put images it holds, in the order given, in front of another one.

        Args:
            who: Who moves them.
            collection_id: Which.
            image_ids: What to move; ids it does not hold are left out.
            before: The image they come to stand before; behind all when empty or not held.

        Raises:
            NotHere: There is no such collection.
        """
        with self._office.changing(who) as change:
            _get(change.connection, collection_id)
            order = [item.image_id for item in _items(change.connection, collection_id)]
            moved = [image_id for image_id in dict.fromkeys(image_ids) if image_id in set(order)]
            rest = [image_id for image_id in order if image_id not in set(moved)]
            at = rest.index(before) if before in rest else len(rest)
            places = [
                {"_image_id": image_id, "_place": float(place)}
                for place, image_id in enumerate([*rest[:at], *moved, *rest[at:]])
            ]
            if places:
                here = (items.c.collection_id == collection_id, items.c.image_id == bindparam("_image_id"))
                change.connection.execute(
                    update(items).where(*here).values(place=bindparam("_place")), places
                )
            _touch(change, collection_id)
            change.record(
                "collection.move", _subject(collection_id), after={"images": moved, "before": before}
            )

    # Comments

    def comments(self, collection_id: str) -> list[Comment]:
        """Comments of a collection and its images, oldest first."""
        query = select(comments).where(comments.c.collection_id == collection_id).order_by(comments.c.created)
        with self._office.reading() as connection:
            _get(connection, collection_id)
            return [_comment(row) for row in connection.execute(query).mappings()]

    def comment(self, who: str, collection_id: str, words: str, image_id: str = "") -> Comment:
        """Write a comment.

        Raises:
            NotHere: There is no such collection, or it does not hold the image.
            OfficeError: No words, or too many (``bad_text``).
        """
        if not words.strip() or len(words) > LONGEST_TEXT:
            raise OfficeError(f"a comment has 1 to {LONGEST_TEXT} characters", reason="bad_text")
        with self._office.changing(who) as change:
            _get(change.connection, collection_id)
            if image_id and image_id not in {i.image_id for i in _items(change.connection, collection_id)}:
                raise NotHere(f"the collection does not hold image {image_id!r}", reason="image_not_found")
            made = Comment(new_id(), image_id, who, words.strip(), change.at)
            change.connection.execute(insert(comments).values(collection_id=collection_id, **asdict(made)))
            _touch(change, collection_id)
        return made

    def uncomment(self, who: str, collection_id: str, comment_id: str) -> None:
        """Delete a comment.

        Raises:
            NotHere: There is no such comment.
        """
        at = (comments.c.collection_id == collection_id, comments.c.comment_id == comment_id)
        with self._office.changing(who) as change:
            row = change.connection.execute(select(comments).where(*at)).mappings().first()
            if row is None:
                raise NotHere(f"there is no comment {comment_id!r} here", reason="comment_not_found")
            change.connection.execute(delete(comments).where(*at))
            before = {"author": row["author"], "words": row["words"]}
            change.record("comment.delete", _subject(collection_id), before)

    # Links

    def share(self, who: str, collection_id: str, days: float) -> tuple[Share, str]:
        """Make a link.

        Args:
            who: Who makes it.
            collection_id: What it shows.
            days: How long, up to LONGEST_SHARE_DAYS.

        Returns:
            The link's record, and its secret, which is shown this once.

        Raises:
            NotHere: There is no such collection.
            OfficeError: ``days`` is out of range (``bad_period``).
        """
        if not 0 < days <= LONGEST_SHARE_DAYS:
            raise OfficeError(
                f"a link lasts more than 0 and at most {LONGEST_SHARE_DAYS} days, got {days:g}",
                reason="bad_period",
            )
        secret = secrets.token_urlsafe(24)
        with self._office.changing(who) as change:
            _get(change.connection, collection_id)
            made = Share(new_id(), collection_id, change.at, who, change.at + days * 86_400)
            change.connection.execute(insert(shares).values(**asdict(made), digest=_digest(secret)))
            change.record(
                "collection.share", _subject(collection_id), after={"share": made.share_id, "days": days}
            )
        return made, secret

    def shares(self, collection_id: str) -> list[Share]:
        """Links of a collection that have not expired, newest first."""
        query = select(shares).where(shares.c.collection_id == collection_id, shares.c.expires > time.time())
        with self._office.reading() as connection:
            _get(connection, collection_id)
            found = connection.execute(query.order_by(shares.c.created.desc())).mappings()
            return [_share(row) for row in found]

    def unshare(self, who: str, collection_id: str, share_id: str) -> None:
        """End a link at once.

        Raises:
            NotHere: There is no such link.
        """
        at = (shares.c.collection_id == collection_id, shares.c.share_id == share_id)
        with self._office.changing(who) as change:
            if not change.connection.execute(delete(shares).where(*at)).rowcount:
                raise NotHere(f"there is no link {share_id!r} here", reason="share_not_found")
            change.record("collection.unshare", _subject(collection_id), {"share": share_id})

    def shared(self, secret: str) -> tuple[Collection, Share]:
        """What a link shows.

        Raises:
            NotHere: There is no such link, or it was ended.
            Expired: Its time is over.
        """
        with self._office.reading() as connection:
            query = select(shares).where(shares.c.digest == _digest(secret))
            row = connection.execute(query).mappings().first()
            if row is None:
                raise NotHere(
                    "this link does not exist or was ended; ask for a new one", reason="share_not_found"
                )
            share = _share(row)
            if share.expires <= time.time():
                raise Expired("this link has expired; ask for a new one")
            return _get(connection, share.collection_id), share


def _read(connection: Connection, *where: Any) -> list[Collection]:
    counted = func.count(items.c.image_id).label("count")
    query = select(collections, counted).join_from(collections, items, isouter=True).where(*where)
    query = query.group_by(collections.c.collection_id).order_by(collections.c.updated.desc())
    return [Collection(**row) for row in connection.execute(query).mappings()]


def _get(connection: Connection, collection_id: str) -> Collection:
    found = _read(connection, collections.c.collection_id == collection_id)
    if not found:
        raise NotHere(
            f"there is no collection {collection_id!r}; /api/v1/collections lists them",
            reason="collection_not_found",
        )
    return found[0]


def _items(connection: Connection, collection_id: str) -> list[Item]:
    columns = (items.c.image_id, items.c.added, items.c.added_by)
    query = select(*columns).where(items.c.collection_id == collection_id).order_by(items.c.place)
    return [Item(*row) for row in connection.execute(query)]


def _last_place(connection: Connection, collection_id: str) -> float:
    query = select(func.max(items.c.place)).where(items.c.collection_id == collection_id)
    return float(connection.scalar(query) or 0.0)


def _touch(change: Change, collection_id: str, **values: Any) -> None:
    change.connection.execute(
        update(collections)
        .where(collections.c.collection_id == collection_id)
        .values(updated=change.at, **values)
    )


def _comment(row: RowMapping) -> Comment:
    return Comment(**{name: row[name] for name in Comment.__slots__})


def _share(row: RowMapping) -> Share:
    return Share(**{name: row[name] for name in Share.__slots__})


def _texts(collection: Collection) -> dict[str, str]:
    return {"name": collection.name, "description": collection.description}


def _check_texts(name: str, description: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise OfficeError(f"a collection's name has 1 to {LONGEST_NAME} characters", reason="bad_name")
    if len(description) > LONGEST_TEXT:
        raise OfficeError(f"a description has at most {LONGEST_TEXT} characters", reason="bad_text")


def _subject(collection_id: str) -> str:
    return f"collection/{collection_id}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
