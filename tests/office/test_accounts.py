"""People, roles, sessions, keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tusou.errors import Conflict, NotAllowed, NotHere, OfficeError
from tusou.office.accounts import ROLES, SESSION_IDLE, SESSION_LONGEST, Accounts, permissions_of
from tusou.office.schema import FILE_NAME
from tusou.office.store import Office

PASSWORD = "correct horse battery"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    assert office.tampered() == []
    office.close()


@pytest.fixture
def accounts(office: Office) -> Accounts:
    accounts = Accounts(office)
    accounts.add_user("root", "li", PASSWORD, "admin", "李")
    accounts.add_user("li", "wang", PASSWORD, "searcher")
    return accounts


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr("tusou.office.accounts.time.time", lambda: now + seconds)


def test_every_role_may_what_the_one_before_may() -> None:
    allowed = [permissions_of(role) for role in ROLES]
    assert all(lower < higher for lower, higher in pairwise(allowed))


def test_the_first_account_is_an_admins(office: Office) -> None:
    accounts = Accounts(office)
    assert not accounts.exist()
    with pytest.raises(OfficeError, match="first account"):
        accounts.add_user("root", "wang", PASSWORD, "searcher")
    accounts.add_user("root", "li", PASSWORD, "admin")
    assert accounts.exist()


def test_signing_in_and_out(accounts: Accounts) -> None:
    account, secret = accounts.sign_in("wang", PASSWORD)
    assert account.may("search")
    assert not account.may("rights")
    assert accounts.of_session(secret) == account
    accounts.sign_out(secret)
    accounts.sign_out(secret)
    assert accounts.of_session(secret) is None
    assert accounts.of_session("") is None


def test_nothing_tells_which_part_was_wrong(accounts: Accounts) -> None:
    messages = set()
    for name, password in (("wang", "wrong password"), ("nobody", PASSWORD), ("wang", "x" * 10_000)):
        with pytest.raises(NotAllowed) as caught:
            accounts.sign_in(name, password)
        messages.add(str(caught.value))
    accounts.change_user("li", "wang", disabled=True)
    with pytest.raises(NotAllowed) as caught:
        accounts.sign_in("wang", PASSWORD)
    assert messages == {str(caught.value)}


def test_a_session_ends_when_idle_and_at_last(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = accounts.sign_in("wang", PASSWORD)
    start = time.time()
    for step in range(1, int(SESSION_LONGEST / (SESSION_IDLE / 2))):
        at = start + step * SESSION_IDLE / 2
        monkeypatch.setattr("tusou.office.accounts.time.time", lambda at=at: at)
        assert accounts.of_session(secret) is not None, step  # used again and again
    monkeypatch.setattr("tusou.office.accounts.time.time", lambda: start + SESSION_LONGEST + 1)
    assert accounts.of_session(secret) is None
    monkeypatch.undo()
    _, other = accounts.sign_in("wang", PASSWORD)
    later(monkeypatch, SESSION_IDLE + 1)
    assert accounts.of_session(other) is None


def test_a_change_signs_out_everywhere(accounts: Accounts) -> None:
    _, secret = accounts.sign_in("wang", PASSWORD)
    changed = accounts.change_user("li", "wang", role="manager", password="another good one")
    assert changed.role == "manager"
    assert accounts.of_session(secret) is None
    assert accounts.sign_in("wang", "another good one")[0].may("rights")
    with pytest.raises(NotAllowed):
        accounts.sign_in("wang", PASSWORD)


def test_the_last_admin_stays(accounts: Accounts) -> None:
    for change in ({"role": "manager"}, {"disabled": True}):
        with pytest.raises(OfficeError, match="last admin"):
            accounts.change_user("li", "li", **change)
    assert accounts.users()[0].role == "admin"
    with pytest.raises(NotHere):
        accounts.change_user("li", "nobody", disabled=True)


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [
        ("Wang", PASSWORD, "admin"), ("", PASSWORD, "admin"), ("a" * 65, PASSWORD, "admin"),
        ("local", PASSWORD, "admin"), ("x/y", PASSWORD, "admin"), ("new", "short", "admin"),
        ("new", "x" * 201, "admin"), ("new", PASSWORD, "king"),
    ],
)  # fmt: skip
def test_accounts_that_cannot_be(accounts: Accounts, name: str, password: str, role: str) -> None:
    with pytest.raises(OfficeError):
        accounts.add_user("li", name, password, role)  # type: ignore[arg-type]
    assert len(accounts.users()) == 2
    with pytest.raises(Conflict):
        accounts.add_user("li", "wang", PASSWORD, "admin")


def test_a_key_may_some_of_what_its_maker_may(accounts: Accounts) -> None:
    maker, _ = accounts.sign_in("wang", PASSWORD)
    key, secret = accounts.make_key(maker, "nightly sync", ["search"])
    acting = accounts.of_key(secret)
    assert acting is not None
    assert (acting.name, acting.permissions) == ("wang", frozenset({"search"}))
    assert accounts.keys("wang")[0].used is not None
    assert accounts.keys("li") == []
    with pytest.raises(NotAllowed, match="rights"):
        accounts.make_key(maker, "more", ["search", "rights"])
    narrowed, _ = accounts.make_key(acting, "from a key", ["search"])
    assert narrowed.permissions == {"search"}
    with pytest.raises(NotAllowed, match="collect"):
        accounts.make_key(acting, "from a key", ["collect"])
    accounts.end_key("wang", key.key_id)
    assert accounts.of_key(secret) is None
    with pytest.raises(NotHere):
        accounts.end_key("wang", key.key_id)


def test_a_key_loses_what_its_owner_loses(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, _ = accounts.sign_in("li", PASSWORD)
    accounts.add_user("li", "zhao", PASSWORD, "admin")
    _, secret = accounts.make_key(admin, "all", ["search", "accounts"])
    accounts.change_user("zhao", "li", role="searcher")
    acting = accounts.of_key(secret)
    assert acting is not None
    assert acting.permissions == {"search"}
    accounts.change_user("zhao", "li", disabled=True)
    assert accounts.of_key(secret) is None
    accounts.change_user("zhao", "li", disabled=False)
    later(monkeypatch, 91 * 86_400)
    assert accounts.of_key(secret) is None


@pytest.mark.parametrize("wrong", ["", "tusou", "tusou_", "tusou_00000000_x", "other_1_2", "tusou__", "\x00"])
def test_wrong_keys(accounts: Accounts, wrong: str) -> None:
    assert accounts.of_key(wrong) is None
    maker, _ = accounts.sign_in("li", PASSWORD)
    _, secret = accounts.make_key(maker, "note", ["search"])
    assert accounts.of_key(secret + "x") is None
    assert accounts.of_key(secret[:-1]) is None


def test_no_secret_is_kept(accounts: Accounts, tmp_path: Path) -> None:
    account, session = accounts.sign_in("li", PASSWORD)
    _, key = accounts.make_key(account, "note", ["search"])
    kept = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE_NAME}*"))
    for secret in (PASSWORD, session, key, key.rsplit("_", 1)[1]):
        assert secret.encode() not in kept
