"""Agreements with suppliers, grants to people, and the record of every download."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update

from tusou.errors import Conflict, Expired, NotAllowed, NotHere, OfficeError
from tusou.office.schema import agreements, downloads, grants
from tusou.office.store import Office, new_id
from tusou.office.uses import (
    MEDIA,
    PURPOSES,
    Agreement,
    Verdict,
    check_day,
    check_territories,
    checked_use,
    local_day,
    may_use,
    suppliers_out,
)
from tusou.types import ImageRecord, Use

FRESH_SECONDS = 1.0
"""Age from which agreements are read again, so that another process's change is seen."""

LONGEST_PROJECT = 200
_LISTS = ("purposes", "media", "territories")


@dataclass(frozen=True, slots=True)
class Grant:
    """A use the library allowed somebody.

    Attributes:
        grant_id: Random name.
        image_id: Of which image.
        license: The image's licence at that time.
        who: Who asked.
        project: What for, in words.
        purpose: See ``types.Use``, likewise medium to modify.
        at: When, POSIX seconds.
    """

    grant_id: str
    image_id: str
    license: str
    who: str
    project: str
    purpose: str
    medium: str
    territory: str
    until: str
    modify: bool
    at: float


@dataclass(frozen=True, slots=True)
class Download:
    """One file that was handed out.

    Attributes:
        download_id: Random name.
        grant_id: Under which grant.
        image_id: Of which image.
        sha256: Of the original it was made from.
        supplier: Whose image.
        who: Who took it.
        size: ``original``, or the longest side in pixels.
        format: As delivered.
        bytes: Its length.
        at: When, POSIX seconds.
    """

    download_id: str
    grant_id: str
    image_id: str
    sha256: str
    supplier: str
    who: str
    size: str
    format: str
    bytes: int
    at: float


class Rights:
    """Agreements, grants and downloads of an office; safe to use from many threads."""

    def __init__(self, office: Office) -> None:
        """Use an open office; it stays the caller's to close."""
        self._office = office
        self._lock = threading.Lock()
        self._kept: tuple[float, tuple[Agreement, ...]] = (0.0, ())

    # Agreements

    def agreements(self, supplier: str = "") -> tuple[Agreement, ...]:
        """Agreements by supplier and start; cheap, read anew after FRESH_SECONDS and after own changes."""
        with self._lock:
            read_at, found = self._kept
            if time.monotonic() - read_at > FRESH_SECONDS or not read_at:
                found = self._read()
                self._kept = (time.monotonic(), found)
        return tuple(each for each in found if each.supplier == supplier) if supplier else found

    def withheld(self) -> frozenset[str]:
        """Suppliers whose images may not be shown today."""
        return suppliers_out(self.agreements())

    def agree(self, who: str, agreement: Agreement) -> Agreement:
        """Record an agreement.

        Args:
            who: Who records it.
            agreement: Its terms; id and revision are given here.

        Raises:
            OfficeError: A term has no meaning (``bad_terms``, ``bad_day``, ``bad_territory``).
        """
        made = replace(_checked(agreement), agreement_id=new_id(), revision=1)
        with self._office.changing(who) as change:
            change.connection.execute(insert(agreements).values(**_row(made)))
            change.record("agreement.create", _subject(made), after=asdict(made))
        self._forget()
        return made

    def amend(self, who: str, agreement: Agreement) -> Agreement:
        """Change the terms of an agreement.

        Args:
            who: Who changes them.
            agreement: All terms; its revision is the one that was read.

        Raises:
            NotHere: There is none of this id.
            Conflict: Somebody else changed it meanwhile.
            OfficeError: A term has no meaning.
        """
        checked = _checked(agreement)
        with self._office.changing(who) as change:
            old = self._one(change.connection.execute(_by_id(agreement.agreement_id)).mappings().first())
            if old.revision != agreement.revision:
                raise Conflict(
                    f"agreement {old.title!r} was changed meanwhile (revision {old.revision}, not "
                    f"{agreement.revision}); read it again and repeat the change"
                )
            new = replace(checked, supplier=old.supplier, revision=old.revision + 1)
            change.connection.execute(
                update(agreements).where(agreements.c.agreement_id == new.agreement_id).values(**_row(new))
            )
            change.record("agreement.amend", _subject(new), asdict(old), asdict(new))
        self._forget()
        return new

    def end(self, who: str, agreement_id: str) -> None:
        """Delete an agreement, as if it had never been recorded. To end one, amend its last day.

        Raises:
            NotHere: There is none of this id.
        """
        with self._office.changing(who) as change:
            old = self._one(change.connection.execute(_by_id(agreement_id)).mappings().first())
            change.connection.execute(delete(agreements).where(agreements.c.agreement_id == agreement_id))
            change.record("agreement.delete", _subject(old), asdict(old))
        self._forget()

    # Uses

    def check(self, record: ImageRecord, use: Use) -> Verdict:
        """May this image be used so today?"""
        return may_use(record.metadata, use, self.agreements(record.supplier))

    def grant(self, who: str, record: ImageRecord, use: Use, project: str = "") -> Grant:
        """Allow somebody a use, if it is allowed, and record it.

        Raises:
            NotAllowed: It is not (``use_not_allowed``); the message names the reasons.
            OfficeError: The project's name is too long (``bad_text``).
        """
        if len(project) > LONGEST_PROJECT:
            raise OfficeError(f"a project has at most {LONGEST_PROJECT} characters", reason="bad_text")
        use = checked_use(use)
        verdict = self.check(record, use)
        if not verdict.allowed:
            raise NotAllowed(
                f"image {record.image_id} may not be used so: {', '.join(verdict.reasons)}; ask the supplier "
                f"({record.supplier}) or choose another use",
                reason="use_not_allowed",
            )
        with self._office.changing(who) as change:
            made = Grant(
                new_id(), record.image_id, record.metadata.license, who, project.strip(), use.purpose,
                use.medium, use.territory, use.until, use.modify, change.at,
            )  # fmt: skip
            change.connection.execute(insert(grants).values(**asdict(made)))
            change.record("grant", f"image/{record.image_id}", after=asdict(made))
        return made

    def get(self, grant_id: str) -> Grant:
        """One grant.

        Raises:
            NotHere: There is none of this id.
        """
        with self._office.reading() as connection:
            row = connection.execute(select(grants).where(grants.c.grant_id == grant_id)).mappings().first()
        if row is None:
            raise NotHere(
                f"there is no grant {grant_id!r}; POST /api/v1/licenses makes one", reason="no_grant"
            )
        return Grant(**row)

    def still_holds(self, grant: Grant, record: ImageRecord) -> None:
        """Refuse a grant whose time is over or whose use is not allowed any more.

        Raises:
            Expired: Its last day is past (``grant_expired``).
            NotAllowed: Licence or agreement changed since (``use_not_allowed``).
        """
        if grant.until and grant.until < local_day().isoformat():
            raise Expired(f"this grant ended on {grant.until}; ask for a new one", reason="grant_expired")
        use = Use(grant.purpose, grant.medium, grant.territory, grant.until, grant.modify)  # type: ignore[arg-type]
        verdict = self.check(record, use)
        if not verdict.allowed:
            raise NotAllowed(
                f"the use granted on image {record.image_id} is not allowed any more: "
                f"{', '.join(verdict.reasons)}",
                reason="use_not_allowed",
            )

    def downloaded(
        self, who: str, grant: Grant, record: ImageRecord, size: str, format_: str, count: int
    ) -> Download:
        """Record a file before it is handed out.

        Args:
            who: Who takes it.
            grant: Under which grant.
            record: Of which image.
            size: ``original``, or the longest side in pixels.
            format_: As delivered.
            count: Its length in bytes.
        """
        with self._office.changing(who) as change:
            made = Download(
                new_id(), grant.grant_id, record.image_id, record.sha256, record.supplier, who, size, format_,
                count, change.at,
            )  # fmt: skip
            change.connection.execute(insert(downloads).values(**asdict(made)))
            change.record("download", f"image/{record.image_id}", after=asdict(made))
        return made

    def history(
        self,
        *,
        image_id: str = "",
        who: str = "",
        supplier: str = "",
        before: float | None = None,
        limit: int = 100,
    ) -> list[tuple[Download, Grant]]:
        """Downloads with their grants, newest first.

        Args:
            image_id: Only of this image.
            who: Only of this person.
            supplier: Only of this supplier's images.
            before: Only earlier than this moment, POSIX seconds; for paging.
            limit: Most downloads.
        """
        query = select(downloads).order_by(downloads.c.at.desc()).limit(limit)
        for column, value in (
            (downloads.c.image_id, image_id),
            (downloads.c.who, who),
            (downloads.c.supplier, supplier),
        ):
            query = query.where(column == value) if value else query
        query = query.where(downloads.c.at < before) if before is not None else query
        with self._office.reading() as connection:
            found = [Download(**row) for row in connection.execute(query).mappings()]
            wanted = select(grants).where(grants.c.grant_id.in_({each.grant_id for each in found}))
            granted = {row["grant_id"]: Grant(**row) for row in connection.execute(wanted).mappings()}
        return [(each, granted[each.grant_id]) for each in found]

    def _read(self) -> tuple[Agreement, ...]:
        query = select(agreements).order_by(agreements.c.supplier, agreements.c.starts)
        with self._office.reading() as connection:
            return tuple(_agreement(row) for row in connection.execute(query).mappings())

    def _forget(self) -> None:
        with self._lock:
            self._kept = (0.0, ())

    @staticmethod
    def _one(row: RowMapping | None) -> Agreement:
        if row is None:
            raise NotHere(
                "there is no such agreement; /api/v1/agreements lists them", reason="agreement_not_found"
            )
        return _agreement(row)


def _by_id(agreement_id: str) -> Any:
    return select(agreements).where(agreements.c.agreement_id == agreement_id)


def _agreement(row: RowMapping) -> Agreement:
    return Agreement(**{**row, **{name: tuple(json.loads(row[name])) for name in _LISTS}})


def _row(agreement: Agreement) -> dict[str, Any]:
    values = asdict(agreement)
    return values | {name: json.dumps(list(values[name])) for name in _LISTS}


def _checked(agreement: Agreement) -> Agreement:
    if not agreement.title.strip() or not agreement.supplier:
        raise OfficeError("an agreement needs a supplier and a title", reason="bad_terms")
    _known("purpose", agreement.purposes, PURPOSES)
    _known("medium", agreement.media, MEDIA)
    starts, ends = check_day(agreement.starts), check_day(agreement.ends)
    if ends and ends < starts:
        raise OfficeError(f"the agreement would end ({ends}) before it starts ({starts})", reason="bad_terms")
    if not 0 <= agreement.notice_days <= 3650:
        raise OfficeError("notice_days must lie between 0 and 3650", reason="bad_terms")
    return replace(
        agreement,
        title=agreement.title.strip(),
        territories=check_territories(agreement.territories),
        starts=starts,
        ends=ends,
    )


def _known(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for value in given:
        if value not in known:
            raise OfficeError(f"{value!r} is no {what}; known: {', '.join(known)}", reason="bad_terms")


def _subject(agreement: Agreement) -> str:
    return f"supplier/{agreement.supplier}"
