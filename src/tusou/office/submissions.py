"""Submissions: images people send in, which a reviewer lets into the library or turns down with a reason."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import RowMapping, insert, select, update

from tusou.errors import Conflict, NotHere, OfficeError
from tusou.office.schema import submissions
from tusou.office.store import Office, new_id

Status = Literal["submitted", "in_review", "approved", "rejected"]
STATUSES: tuple[Status, ...] = get_args(Status)
FIELDS = (
    "title_en", "title_zh", "description_en", "description_zh", "keywords_en", "keywords_zh", "creator",
    "license", "model_release",
)  # fmt: skip
"""What a contributor says of an image; keywords are separated by commas."""

LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Submission:
    """One image somebody sent in.

    Attributes:
        submission_id: Random name.
        who: Who sent it.
        supplier: Whose image it will be.
        filename: As sent.
        sha256: Of its bytes, which wait in the library's folder ``uploads``.
        width: Pixels, upright.
        height: Pixels, upright.
        format: As sniffed.
        fields: What is said of it, by FIELDS.
        checks: What was found when it came: duplicates, suggestions, warnings; JSON values.
        status: Where it stands.
        reason: Why it was turned down.
        decided_by: Who decided; empty while nobody has.
        created: When it came, POSIX seconds.
        revision: Raised by every change.
    """

    submission_id: str
    who: str
    supplier: str
    filename: str
    sha256: str
    width: int
    height: int
    format: str
    fields: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "submitted"
    reason: str = ""
    decided_by: str = ""
    created: float = 0.0
    revision: int = 1


class Submissions:
    """The submissions of an office."""

    def __init__(self, office: Office) -> None:
        """Use an open office; it stays the caller's to close."""
        self._office = office

    def all(self, *, who: str = "", status: Sequence[Status] = (), limit: int = 200) -> list[Submission]:
        """Submissions, oldest first, so that a queue is worked off in order.

        Args:
            who: Only this person's.
            status: Only of these; of all when empty.
            limit: Most of them.
        """
        query = select(submissions).order_by(submissions.c.created).limit(limit)
        query = query.where(submissions.c.who == who) if who else query
        query = query.where(submissions.c.status.in_(status)) if status else query
        with self._office.reading() as connection:
            return [_submission(row) for row in connection.execute(query).mappings()]

    def get(self, submission_id: str) -> Submission:
        """One submission.

        Raises:
            NotHere: There is none of this id.
        """
        query = select(submissions).where(submissions.c.submission_id == submission_id)
        with self._office.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotHere(f"there is no submission {submission_id!r}", reason="submission_not_found")
        return _submission(row)

    def waiting(self, sha256: str) -> Submission | None:
        """A submission of the same bytes that nobody has decided on."""
        return next(
            (
                each
                for each in self.all(status=("submitted", "in_review"), limit=10_000)
                if each.sha256 == sha256
            ),
            None,
        )

    def add(self, made: Submission) -> Submission:
        """Keep what was sent; id and time are given here."""
        kept = _with(made, submission_id=new_id(), created=time.time())
        with self._office.changing(made.who) as change:
            change.connection.execute(insert(submissions).values(**_row(kept)))
            change.record(
                "submission.add", _subject(kept), after={"file": kept.filename, "sha256": kept.sha256}
            )
        return kept

    def describe(self, who: str, submission_id: str, revision: int, fields: Mapping[str, str]) -> Submission:
        """Say what an undecided image shows.

        Raises:
            NotHere: There is none of this id.
            Conflict: Somebody else changed it meanwhile, or it was decided on.
            OfficeError: An unknown field, or one that is too long (``bad_text``).
        """
        for name, value in fields.items():
            if name not in FIELDS or len(value) > LONGEST:
                raise OfficeError(
                    f"field {name!r}: known are {', '.join(FIELDS)}, each up to {LONGEST} characters",
                    reason="bad_text",
                )
        return self._change(who, submission_id, revision, "submission.describe", {"fields": dict(fields)})

    def decide(
        self, who: str, submission_id: str, revision: int, status: Status, reason: str = ""
    ) -> Submission:
        """Take an undecided submission into review, let it in, or turn it down.

        Raises:
            NotHere: There is none of this id.
            Conflict: Somebody else changed it meanwhile, or it was decided on.
            OfficeError: It is turned down without a reason (``reason_needed``).
        """
        if status == "rejected" and not reason.strip():
            raise OfficeError("who is turned down wants to know why: give a reason", reason="reason_needed")
        if len(reason) > LONGEST:
            raise OfficeError(f"a reason has at most {LONGEST} characters", reason="bad_text")
        values = {"status": status, "reason": reason.strip(), "decided_by": who}
        return self._change(who, submission_id, revision, f"submission.{status}", values)

    def _change(
        self, who: str, submission_id: str, revision: int, action: str, values: Mapping[str, Any]
    ) -> Submission:
        with self._office.changing(who) as change:
            query = select(submissions).where(submissions.c.submission_id == submission_id)
            row = change.connection.execute(query).mappings().first()
            if row is None:
                raise NotHere(f"there is no submission {submission_id!r}", reason="submission_not_found")
            old = _submission(row)
            if old.revision != revision or old.status in ("approved", "rejected"):
                raise Conflict(
                    f"submission {submission_id} is {old.status} (revision {old.revision}, not {revision}): "
                    "somebody was faster; read it again"
                )
            new = _with(old, **values, revision=revision + 1)
            where = submissions.c.submission_id == submission_id
            change.connection.execute(update(submissions).where(where).values(**_row(new)))
            change.record(action, _subject(new), {name: getattr(old, name) for name in values}, dict(values))
        return new


def _with(old: Submission, **values: Any) -> Submission:
    return Submission(**{**{name: getattr(old, name) for name in Submission.__slots__}, **values})


def _row(submission: Submission) -> dict[str, Any]:
    values = asdict(submission)
    return values | {name: json.dumps(values[name], ensure_ascii=False) for name in ("fields", "checks")}


def _submission(row: RowMapping) -> Submission:
    return Submission(**{**row, "fields": json.loads(row["fields"]), "checks": json.loads(row["checks"])})


def _subject(submission: Submission) -> str:
    return f"submission/{submission.submission_id}"
