"""Accounts: people with a role, keys for programs, sessions of browsers.

Passwords are kept as Argon2id, secrets of keys and sessions as SHA-256 of 256 random bits (OWASP ASVS 5.0).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from tusou.errors import Conflict, NotAllowed, NotHere, OfficeError
from tusou.office.schema import keys, sessions, users
from tusou.office.store import Office

Role = Literal["searcher", "contributor", "reviewer", "manager", "admin"]
Permission = Literal[
    "search", "collect", "license", "judge", "contribute", "review", "rights", "records", "accounts"
]

ROLES: tuple[Role, ...] = get_args(Role)
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

_STEPS: Mapping[Role, tuple[Permission, ...]] = {
    "searcher": ("search", "collect", "license"),
    "contributor": ("contribute",),
    "reviewer": ("review", "judge"),
    "manager": ("rights", "records"),
    "admin": ("accounts",),
}
"""What each role may do beyond the one before it."""

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
LEAST_PASSWORD, LONGEST_PASSWORD = 10, 200
SESSION_IDLE, SESSION_LONGEST = 8 * 3600.0, 7 * 86_400.0
KEY_PREFIX = "tusou"
KEY_DAYS, LONGEST_KEY_DAYS = 90.0, 365.0
SEEN_EVERY = 60.0
"""Seconds between two notes of when a session or key was last used; a note is a durable write."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody")  # compared when there is no such person, so that time tells nothing


@dataclass(frozen=True, slots=True)
class Account:
    """Who acts, and what may be done.

    Attributes:
        name: In collections, grants and the audit.
        role: Of the person; a key's of its owner.
        permissions: What may be done; a key's are some of its owner's.
    """

    name: str
    role: Role
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        """Whether this is allowed."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class User:
    """A person's account.

    Attributes:
        name: For signing in.
        title: Name shown to people.
        role: What may be done.
        disabled: May not sign in.
        created: When, POSIX seconds.
    """

    name: str
    title: str
    role: Role
    disabled: bool
    created: float


@dataclass(frozen=True, slots=True)
class Key:
    """A program's key; its secret is shown once, when it is made.

    Attributes:
        key_id: First part of the key, in lists and logs.
        owner: Whose rights it has at most.
        note: What it is for.
        permissions: What it may do.
        created: When, POSIX seconds.
        expires: When it ends.
        used: When it was last used; None for never.
    """

    key_id: str
    owner: str
    note: str
    permissions: frozenset[Permission]
    created: float
    expires: float
    used: float | None


def permissions_of(role: Role) -> frozenset[Permission]:
    """What a role may do: its own and everything of the roles before it."""
    return frozenset(p for step in ROLES[: ROLES.index(role) + 1] for p in _STEPS[step])


class Accounts:
    """The accounts of an office; safe to use from many threads."""

    def __init__(self, office: Office) -> None:
        """Use an open office; it stays the caller's to close."""
        self._office = office

    def exist(self) -> bool:
        """Whether anybody has an account; where nobody has, everybody may do everything."""
        with self._office.reading() as connection:
            return bool(connection.scalar(select(func.count()).select_from(users)))

    # People

    def users(self) -> list[User]:
        """Everybody, by name."""
        with self._office.reading() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name)).mappings()]

    def add_user(self, who: str, name: str, password: str, role: Role, title: str = "") -> User:
        """Make an account.

        Raises:
            OfficeError: Name, password or role cannot be used (``bad_account``).
            Conflict: There is an account of this name.
        """
        _check_user(name, role, title)
        hashed = hash_password(password)
        made = User(name, title.strip() or name, role, False, time.time())
        with self._office.changing(who) as change:
            if _row_of(change.connection, name) is not None:
                raise Conflict(f"there is an account {name!r} already", reason="account_exists")
            if role != "admin" and not change.connection.scalar(select(func.count()).select_from(users)):
                raise OfficeError(
                    "the first account must be an admin's, or nobody could make others", reason="bad_account"
                )
            change.connection.execute(
                insert(users).values(
                    name=name, title=made.title, role=role, password=hashed, disabled=0, created=made.created
                )
            )
            change.record("user.add", f"user/{name}", after={"role": role, "title": made.title})
        return made

    def change_user(
        self,
        who: str,
        name: str,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        password: str = "",
    ) -> User:
        """Change role, password or whether somebody may sign in; signs them out everywhere.

        Raises:
            NotHere: There is nobody of this name.
            OfficeError: It cannot be so (``bad_account``); the last admin stays one.
        """
        values: dict[str, object] = {}
        if role is not None:
            _check_user(name, role, "")
            values["role"] = role
        if disabled is not None:
            values["disabled"] = int(disabled)
        if password:
            values["password"] = hash_password(password)
        with self._office.changing(who) as change:
            old = _known(change.connection, name)
            if values:
                change.connection.execute(update(users).where(users.c.name == name).values(**values))
            admins = select(func.count()).where(users.c.role == "admin", users.c.disabled == 0)
            if not change.connection.scalar(admins):
                raise OfficeError("the last admin cannot be taken away", reason="bad_account")
            change.connection.execute(delete(sessions).where(sessions.c.name == name))
            shown = {key: value for key, value in values.items() if key != "password"}
            change.record(
                "user.change",
                f"user/{name}",
                {"role": old["role"], "disabled": old["disabled"]},
                shown | ({"password": "changed"} if password else {}),
            )
            return _user(_known(change.connection, name))

    # Signing in

    def sign_in(self, name: str, password: str) -> tuple[Account, str]:
        """Begin a session.

        Returns:
            Who it is, and the session's secret for the browser.

        Raises:
            NotAllowed: Name or password are wrong, or the account is disabled (``wrong_password``); it is not
                said which.
        """
        with self._office.reading() as connection:
            row = _row_of(connection, name)
        right = _matches(row["password"] if row else _NOBODY, password[: LONGEST_PASSWORD + 1])
        if row is None or not right or row["disabled"]:
            raise NotAllowed("name or password are wrong", reason="wrong_password")
        secret = secrets.token_urlsafe(32)
        with self._office.changing(name) as change:
            change.connection.execute(delete(sessions).where(sessions.c.expires < change.at))
            change.connection.execute(
                insert(sessions).values(
                    digest=_digest(secret), name=name, created=change.at, seen=change.at,
                    expires=change.at + SESSION_LONGEST,
                )
            )  # fmt: skip
            change.record("user.sign_in", f"user/{name}")
        return _account(row["name"], row["role"]), secret

    def sign_out(self, secret: str) -> None:
        """End a session; one that is not there is no error."""
        with self._office.changing("") as change:
            change.connection.execute(delete(sessions).where(sessions.c.digest == _digest(secret)))

    def of_session(self, secret: str) -> Account | None:
        """Who a browser is; None when its session ended, by time or by hand."""
        now = time.time()
        query = select(sessions, users.c.role, users.c.disabled).join(users, users.c.name == sessions.c.name)
        with self._office.reading() as connection:
            row = connection.execute(query.where(sessions.c.digest == _digest(secret))).mappings().first()
        if row is None or row["disabled"] or now > row["expires"] or now > row["seen"] + SESSION_IDLE:
            return None
        if now > row["seen"] + SEEN_EVERY:
            with self._office.changing(row["name"]) as change:
                seen = update(sessions).where(sessions.c.digest == row["digest"]).values(seen=now)
                change.connection.execute(seen)
        return _account(row["name"], row["role"])

    # Keys

    def keys(self, owner: str = "") -> list[Key]:
        """Keys, newest first."""
        query = select(keys).order_by(keys.c.created.desc())
        with self._office.reading() as connection:
            found = connection.execute(query.where(keys.c.owner == owner) if owner else query)
            return [_key(row) for row in found.mappings()]

    def make_key(
        self, maker: Account, note: str, permissions: Iterable[Permission], days: float = KEY_DAYS
    ) -> tuple[Key, str]:
        """Make a key that may do some of what its maker may.

        Returns:
            Its record, and the key itself, which is shown this once.

        Raises:
            NotAllowed: It would be allowed more than its maker is (``beyond_own_rights``).
            OfficeError: No note, no permission, or a period out of range (``bad_key``).
        """
        wanted = frozenset(permissions)
        if not wanted or not note.strip() or len(note) > 200 or not 0 < days <= LONGEST_KEY_DAYS:
            raise OfficeError(
                f"a key needs a note, a permission ({', '.join(PERMISSIONS)}) and 1 to "
                f"{LONGEST_KEY_DAYS:g} days",
                reason="bad_key",
            )
        if beyond := wanted - maker.permissions:
            raise NotAllowed(
                f"a key cannot be allowed what you are not: {', '.join(sorted(beyond))}",
                reason="beyond_own_rights",
            )
        key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        with self._office.changing(maker.name) as change:
            made = Key(key_id, maker.name, note.strip(), wanted, change.at, change.at + days * 86_400, None)
            change.connection.execute(
                insert(keys).values(
                    key_id=key_id, digest=_digest(secret), owner=made.owner, note=made.note,
                    permissions=json.dumps(sorted(wanted)), created=made.created, expires=made.expires,
                )
            )  # fmt: skip
            change.record(
                "key.make", f"key/{key_id}", after={"note": made.note, "permissions": sorted(wanted)}
            )
        return made, f"{KEY_PREFIX}_{key_id}_{secret}"

    def end_key(self, who: str, key_id: str) -> None:
        """End a key at once.

        Raises:
            NotHere: There is none of this id.
        """
        with self._office.changing(who) as change:
            if not change.connection.execute(delete(keys).where(keys.c.key_id == key_id)).rowcount:
                raise NotHere(f"there is no key {key_id!r}", reason="key_not_found")
            change.record("key.end", f"key/{key_id}")

    def of_key(self, key: str) -> Account | None:
        """Who a program acts for; None when the key is wrong or ended, or its owner may not sign in."""
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != KEY_PREFIX:
            return None
        query = select(keys, users.c.role, users.c.disabled).join(users, users.c.name == keys.c.owner)
        with self._office.reading() as connection:
            row = connection.execute(query.where(keys.c.key_id == key_id)).mappings().first()
        known = row["digest"] if row else _digest("")
        if not hmac.compare_digest(known, _digest(secret)) or row is None:
            return None
        now = time.time()
        if row["disabled"] or now > row["expires"]:
            return None
        if now > (row["used"] or 0.0) + SEEN_EVERY:
            with self._office.changing(row["owner"]) as change:
                change.connection.execute(update(keys).where(keys.c.key_id == key_id).values(used=now))
        allowed = permissions_of(row["role"]) & frozenset(json.loads(row["permissions"]))
        return Account(row["owner"], row["role"], allowed)


def hash_password(password: str) -> str:
    """Argon2id of a password.

    Raises:
        OfficeError: It is too short or too long (``bad_account``).
    """
    if not LEAST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise OfficeError(
            f"a password has {LEAST_PASSWORD} to {LONGEST_PASSWORD} characters; a sentence is a good one",
            reason="bad_account",
        )
    return _hasher.hash(password)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _check_user(name: str, role: str, title: str) -> None:
    if not NAME.fullmatch(name) or name == "local":
        raise OfficeError(
            "an account's name has up to 64 small letters, digits and . _ @ -, and is not `local`",
            reason="bad_account",
        )
    if role not in ROLES:
        raise OfficeError(f"{role!r} is no role; known: {', '.join(ROLES)}", reason="bad_account")
    if len(title) > 100:
        raise OfficeError("the name shown has at most 100 characters", reason="bad_account")


def _row_of(connection: Connection, name: str) -> RowMapping | None:
    return connection.execute(select(users).where(users.c.name == name)).mappings().first()


def _known(connection: Connection, name: str) -> RowMapping:
    row = _row_of(connection, name)
    if row is None:
        raise NotHere(f"there is no account {name!r}; `tusou users list` lists them", reason="user_not_found")
    return row


def _user(row: RowMapping) -> User:
    return User(row["name"], row["title"], row["role"], bool(row["disabled"]), row["created"])


def _account(name: str, role: Role) -> Account:
    return Account(name, role, permissions_of(role))


def _key(row: RowMapping) -> Key:
    values = {name: row[name] for name in ("key_id", "owner", "note", "created", "expires", "used")}
    return Key(**values, permissions=frozenset(json.loads(row["permissions"])))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
