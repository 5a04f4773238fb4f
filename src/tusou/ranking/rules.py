"""A manager's rules over the ranking: pins, boosts, burials and synonyms, each with an end if wanted.

::

    library/rules.json      {"schema_version": 1, "rules": [...]}; replaced as a whole

A rule stands in every explanation it had a part in, and none lets an image through a filter.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tusou.catalog.durable import dump_json, write_durably
from tusou.errors import RuleError
from tusou.text.normalize import normalize

Kind = Literal["pin", "boost", "bury", "synonym"]

FILE = "rules.json"
MOST_RULES = 10_000
SYNONYM_WEIGHT = 0.5
"""What a synonym's words earn, in parts of what the words as typed would."""


class Rule(BaseModel):
    """One rule; RuleStore.add makes it.

    Attributes:
        rule_id: Its number within the library, never given twice.
        kind: ``pin``: the image stands at ``rank`` under the query. ``boost``, ``bury``: what ``target``
            names gains or loses ``amount``. ``synonym``: who asks for ``query`` asks for ``target`` too.
        query: Words the rule is for, compared in normalised spelling; empty for every query (boost, bury).
        target: An image id (``image:…``), a filter as in the search box (``supplier:acme``), or words.
        rank: Place of a pin, from 1.
        amount: Of a boost or burial, in parts of the distance from the best to the last candidate's score.
        until: End, UTC; None for none.
        note: Why, for colleagues.
        created: When it was made, UTC.
        created_by: Who made it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule_id: Annotated[int, Field(ge=1)]
    kind: Kind
    query: Annotated[str, Field(max_length=512)]
    target: Annotated[str, Field(min_length=1, max_length=512)]
    rank: Annotated[int, Field(ge=1, le=100)] = 1
    amount: Annotated[float, Field(ge=0, le=1)] = 0.0
    until: datetime | None = None
    note: Annotated[str, Field(max_length=1000)] = ""
    created: datetime
    created_by: Annotated[str, Field(max_length=200)] = ""

    def holds(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return self.until is None or now < self.until

    def is_for(self, words: str) -> bool:
        """Whether it is for a query of these words."""
        return not self.query or normalize(words) == normalize(self.query)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind in ("pin", "synonym") and not normalize(self.query):
            raise ValueError(f"a {self.kind} needs the words it is for")
        if self.kind == "pin" and not self.target.startswith("image:"):
            raise ValueError("a pin's target is one image: image:ID")
        if self.kind in ("boost", "bury") and not self.amount > 0:
            raise ValueError(f"a {self.kind} needs an amount above 0, at most 1")
        if self.kind == "synonym" and not normalize(self.target):
            raise ValueError("a synonym needs words to look up as well")
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("until needs a time zone, such as 2026-12-31T00:00:00Z")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    last_id: Annotated[int, Field(ge=0)]
    rules: Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES)]


_EMPTY = _File(schema_version=1, last_id=0, rules=())


class RuleStore:
    """The rules of a library; safe to be changed by several processes at once.

    Attributes:
        path: Their file; need not exist.
    """

    def __init__(self, library: Path) -> None:
        self.path = library / FILE

    def all(self) -> tuple[Rule, ...]:
        """Every rule, ended ones too, oldest first.

        Raises:
            RuleError: The file is damaged.
        """
        return read_rules(self.path)

    def add(
        self,
        kind: Kind,
        query: str,
        target: str,
        *,
        rank: int = 1,
        amount: float = 0.0,
        until: datetime | None = None,
        note: str = "",
        created_by: str = "",
    ) -> Rule:
        """Make a rule and keep it; arguments as the attributes of Rule.

        Raises:
            RuleError: It cannot be (``bad_rule``), or there are MOST_RULES already (``too_many_rules``).
        """
        with self._changing():
            file = _read(self.path)
            if len(file.rules) >= MOST_RULES:
                raise RuleError(
                    f"{self.path} holds {MOST_RULES:,} rules, the most there can be: remove ended ones",
                    reason="too_many_rules",
                )
            try:
                made = Rule(
                    rule_id=file.last_id + 1,
                    kind=kind,
                    query=query,
                    target=target,
                    rank=rank,
                    amount=amount,
                    until=until,
                    note=note,
                    created=datetime.now(UTC),
                    created_by=created_by,
                )
            except ValidationError as error:
                raise RuleError(f"this rule cannot be: {_first(error)}", reason="bad_rule") from error
            self._write(_File(schema_version=1, last_id=made.rule_id, rules=(*file.rules, made)))
        return made

    def remove(self, rule_id: int) -> Rule:
        """Take a rule away; returns it.

        Raises:
            RuleError: There is none of that number (``rule_not_found``).
        """
        with self._changing():
            file = _read(self.path)
            gone = [rule for rule in file.rules if rule.rule_id == rule_id]
            if not gone:
                raise RuleError(
                    f"no rule {rule_id}; `tusou rules list` shows those there are", reason="rule_not_found"
                )
            kept = tuple(rule for rule in file.rules if rule.rule_id != rule_id)
            self._write(file.model_copy(update={"rules": kept}))
        return gone[0]

    def _write(self, file: _File) -> None:
        write_durably(self.path, dump_json(file.model_dump(mode="json")))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; the lock lies beside the file, which is replaced; it dies with its holder."""
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def read_rules(path: Path | None) -> tuple[Rule, ...]:
    """Read a file of rules; none when there is none.

    Raises:
        RuleError: It is damaged (``rules_damaged``).
    """
    return () if path is None else _read(path).rules


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _EMPTY
    except (OSError, ValidationError) as error:
        raise RuleError(
            f"{path} cannot be read: {error}. Mend it, or delete it to begin without rules",
            reason="rules_damaged",
        ) from error


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    where = ".".join(map(str, found["loc"]))
    return f"{where}: {found['msg']}" if where else str(found["msg"]).removeprefix("Value error, ")
