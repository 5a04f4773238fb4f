"""Collections: images in order, comments, links that expire, and the audit of every change."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tusou.errors import Conflict, Expired, NotHere, OfficeError
from tusou.office.collections import MOST_ITEMS, Collections
from tusou.office.schema import FILE_NAME
from tusou.office.store import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    assert office.tampered() == []
    office.close()


@pytest.fixture
def collections(office: Office) -> Collections:
    return Collections(office)


def ids(collections: Collections, collection_id: str) -> list[str]:
    return [item.image_id for item in collections.items(collection_id)]


def test_images_in_a_chosen_order(collections: Collections) -> None:
    made = collections.create("li", " 封面 ", "for the spring issue")
    assert (made.name, made.owner, made.count) == ("封面", "li", 0)
    assert collections.add("li", made.collection_id, ["a", "b", "c", "b"]) == 3
    assert collections.add("wang", made.collection_id, ["c", "d"]) == 1
    assert ids(collections, made.collection_id) == ["a", "b", "c", "d"]
    collections.move("li", made.collection_id, ["d", "c", "nowhere"], before="b")
    assert ids(collections, made.collection_id) == ["a", "d", "c", "b"]
    collections.move("li", made.collection_id, ["a"])
    assert ids(collections, made.collection_id) == ["d", "c", "b", "a"]
    assert collections.take_out("li", made.collection_id, ["c", "x"]) == 1
    assert collections.take_out("li", made.collection_id, ["c"]) == 0
    assert collections.add("li", made.collection_id, ["c"]) == 1
    assert ids(collections, made.collection_id) == ["d", "b", "a", "c"]
    assert collections.get(made.collection_id).count == 4
    assert [each.name for each in collections.holding("b")] == ["封面"]
    assert collections.holding("x") == []


def test_the_one_changed_last_comes_first(collections: Collections) -> None:
    first, second = (collections.create("li", name) for name in ("one", "two"))
    assert [each.name for each in collections.all()] == ["two", "one"]
    collections.add("li", first.collection_id, ["a"])
    assert [each.collection_id for each in collections.all()] == [first.collection_id, second.collection_id]


def test_two_people_rename_at_once(collections: Collections) -> None:
    made = collections.create("li", "one")
    renamed = collections.rename("li", made.collection_id, made.revision, "two", "")
    assert renamed.revision == 2
    with pytest.raises(Conflict, match="revision 2, not 1"):
        collections.rename("wang", made.collection_id, made.revision, "three", "")
    assert collections.get(made.collection_id).name == "two"


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_bad_name(collections: Collections, name: str) -> None:
    with pytest.raises(OfficeError, match="1 to 200"):
        collections.create("li", name)
    assert collections.all() == []


def test_what_is_not_there(collections: Collections) -> None:
    made = collections.create("li", "one")
    for attempt in (
        lambda: collections.get("no"),
        lambda: collections.items("no"),
        lambda: collections.add("li", "no", ["a"]),
        lambda: collections.take_out("li", "no", ["a"]),
        lambda: collections.move("li", "no", ["a"]),
        lambda: collections.remove("li", "no"),
        lambda: collections.comment("li", "no", "hello"),
        lambda: collections.comment("li", made.collection_id, "hello", "not-held"),
        lambda: collections.uncomment("li", made.collection_id, "no"),
        lambda: collections.share("li", "no", 1),
        lambda: collections.unshare("li", made.collection_id, "no"),
        lambda: collections.shared("no"),
    ):
        with pytest.raises(NotHere):
            attempt()


def test_a_full_collection_takes_no_more(collections: Collections) -> None:
    made = collections.create("li", "one")
    collections.add("li", made.collection_id, [str(n) for n in range(MOST_ITEMS)])
    with pytest.raises(OfficeError, match="at most"):
        collections.add("li", made.collection_id, ["one", "more"])
    assert collections.get(made.collection_id).count == MOST_ITEMS


def test_comments_on_the_collection_and_on_an_image(collections: Collections) -> None:
    made = collections.create("li", "one")
    collections.add("li", made.collection_id, ["a"])
    first = collections.comment("wang", made.collection_id, " 很好 ")
    collections.comment("li", made.collection_id, "crop it", "a")
    assert [
        (each.author, each.words, each.image_id) for each in collections.comments(made.collection_id)
    ] == [
        ("wang", "很好", ""),
        ("li", "crop it", "a"),
    ]
    collections.uncomment("li", made.collection_id, first.comment_id)
    assert len(collections.comments(made.collection_id)) == 1
    with pytest.raises(OfficeError):
        collections.comment("li", made.collection_id, "   ")


def test_a_link_shows_the_collection_until_it_expires(
    collections: Collections, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = collections.create("li", "one")
    share, secret = collections.share("li", made.collection_id, days=2)
    assert collections.shared(secret)[0].name == "one"
    assert [each.share_id for each in collections.shares(made.collection_id)] == [share.share_id]
    now = time.time()
    monkeypatch.setattr("tusou.office.collections.time.time", lambda: now + 2 * 86_400 + 1)
    with pytest.raises(Expired):
        collections.shared(secret)
    assert collections.shares(made.collection_id) == []


def test_an_ended_link_and_a_deleted_collection_show_nothing(
    collections: Collections, tmp_path: Path
) -> None:
    made = collections.create("li", "one")
    share, secret = collections.share("li", made.collection_id, days=2)
    _, other = collections.share("li", made.collection_id, days=2)
    assert secret.encode() not in (tmp_path / FILE_NAME).read_bytes()
    collections.unshare("li", made.collection_id, share.share_id)
    with pytest.raises(NotHere):
        collections.shared(secret)
    collections.remove("li", made.collection_id)
    with pytest.raises(NotHere):
        collections.shared(other)
    for days in (0, -1, 366):
        with pytest.raises(OfficeError):
            collections.share("li", made.collection_id, days)


def test_every_change_is_in_the_audit(collections: Collections, office: Office) -> None:
    made = collections.create("li", "one")
    collections.add("wang", made.collection_id, ["a"])
    collections.rename("li", made.collection_id, 1, "two", "")
    collections.remove("li", made.collection_id)
    found = office.history(f"collection/{made.collection_id}")
    assert [(each.who, each.action) for each in found] == [
        ("li", "collection.delete"),
        ("li", "collection.rename"),
        ("wang", "collection.add"),
        ("li", "collection.create"),
    ]
    assert found[1].before["name"] == "one"
    assert found[1].after["name"] == "two"
    assert found[0].before["images"] == ["a"]
    assert [each.number for each in office.history(before=3, limit=1)] == [2]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET who = 'x' WHERE number = 2", "DELETE FROM audit WHERE number = 2"]
)
def test_tampering_with_the_audit_shows(tmp_path: Path, statement: str) -> None:
    office = Office(tmp_path)
    for name in ("one", "two", "three"):
        Collections(office).create("li", name)
    assert office.tampered() == []
    with sqlite3.connect(office.path) as connection:
        connection.execute(statement)
    assert office.tampered() in ([2], [3])
    office.close()


def test_many_add_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    offices = [Office(tmp_path) for _ in range(4)]  # as four processes would
    made = Collections(offices[0]).create("li", "one")
    failures: list[BaseException] = []

    def add(office: Office, name: str) -> None:
        try:
            for n in range(20):
                Collections(office).add(name, made.collection_id, [f"{name}{n}"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(error)

    threads = [threading.Thread(target=add, args=(o, f"w{n}-")) for n, o in enumerate(offices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(ids(Collections(offices[0]), made.collection_id))) == 80
    assert offices[0].tampered() == []
    for office in offices:
        office.close()


def test_a_failed_change_leaves_nothing(office: Office, collections: Collections) -> None:
    made = collections.create("li", "one")

    def fail() -> None:
        with office.changing("li") as change:
            change.record("test", "x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [each.action for each in office.history()] == ["collection.create"]
    assert collections.get(made.collection_id).name == "one"
