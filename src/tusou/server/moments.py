"""Dates and times on the wire: ISO 8601 texts and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _text(value: object) -> object:
    """Refuse the numbers pydantic would take for seconds since 1970, also those in quotes."""
    if value is None or isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("expected a date and time as text, ISO 8601, such as 2026-05-01T00:00:00Z")


Moment = Annotated[datetime, BeforeValidator(_text)]
"""A date and time; without a time zone the reader says which is meant."""

ZonedMoment = Annotated[AwareDatetime, BeforeValidator(_text)]
"""A date and time with its time zone."""


def iso(seconds: float) -> str:
    """POSIX seconds as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
