"""Filters on the wire: the object of a POST body with its operators, and the short forms of an address."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from tusou.search.colors import parse_color
from tusou.search.ranges import parse_number_range
from tusou.server.json_values import number_only
from tusou.server.moments import ZonedMoment
from tusou.types import Filters, Orientation, Range

Text = Annotated[str, Field(min_length=1, max_length=100)]
Number = Annotated[float, Field(ge=0, le=1e9), BeforeValidator(number_only)]


class Choice(BaseModel):
    """One of some values."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    eq: Text | None = Field(default=None, description="This value.")
    any_of: list[Text] = Field(default_factory=list, alias="in", max_length=100, description="Any of these.")

    @property
    def wanted(self) -> tuple[str, ...]:
        """Values to include."""
        return (*([self.eq] if self.eq is not None else []), *self.any_of)


class ChoiceOrNot(Choice):
    """Some values, or all but some."""

    ne: Text | None = Field(default=None, description="All but this value.")
    none_of: list[Text] = Field(
        default_factory=list, alias="notIn", max_length=100, description="None of these."
    )

    @property
    def unwanted(self) -> tuple[str, ...]:
        """Values to leave out."""
        return (*([self.ne] if self.ne is not None else []), *self.none_of)


class OrientationChoice(BaseModel):
    """One of some shapes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    eq: Orientation | None = None
    any_of: list[Orientation] = Field(default_factory=list, alias="in", max_length=4)

    @property
    def wanted(self) -> tuple[Orientation, ...]:
        """Shapes to include."""
        return (*([self.eq] if self.eq is not None else []), *self.any_of)


class Interval(BaseModel):
    """Bounds of a number; all given bounds hold."""

    model_config = ConfigDict(extra="forbid")

    eq: Number | None = None
    lt: Number | None = None
    lte: Number | None = None
    gt: Number | None = None
    gte: Number | None = None

    def to_range(self) -> Range | None:
        """The tightest closed interval with the same numbers in it."""
        return closed_range(self.model_dump(exclude_none=True))


class DateInterval(BaseModel):
    """Bounds of a date, ISO 8601 with a time zone."""

    model_config = ConfigDict(extra="forbid")

    lt: ZonedMoment | None = None
    lte: ZonedMoment | None = None
    gt: ZonedMoment | None = None
    gte: ZonedMoment | None = None

    def to_range(self) -> Range | None:
        """The same bounds in POSIX seconds."""
        given: dict[str, datetime] = self.model_dump(exclude_none=True)
        return closed_range({name: bound.timestamp() for name, bound in given.items()})


class Permissions(BaseModel):
    """What the licence must allow."""

    model_config = ConfigDict(extra="forbid")

    all: list[Literal["commercial", "modification"]] = Field(default_factory=list, max_length=2)


class Colors(BaseModel):
    """Colours that must all be present."""

    model_config = ConfigDict(extra="forbid")

    all: list[Annotated[str, Field(max_length=20)]] = Field(default_factory=list, max_length=5)
    tolerance: float = Field(default=25.0, ge=0, le=100, description="Distance allowed in CIE Lab.")

    @field_validator("tolerance", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return number_only(value)


class FilterObject(BaseModel):
    """Filters of a POST body: fields are conjunctive, values of one field alternatives."""

    model_config = ConfigDict(extra="forbid")

    supplier: ChoiceOrNot = Field(default_factory=ChoiceOrNot)
    license: Choice = Field(default_factory=Choice)
    license_type: Permissions = Field(default_factory=Permissions)
    orientation: OrientationChoice = Field(default_factory=OrientationChoice)
    format: Choice = Field(default_factory=Choice)
    width: Interval = Field(default_factory=Interval)
    height: Interval = Field(default_factory=Interval)
    megapixels: Interval = Field(default_factory=Interval)
    added: DateInterval = Field(default_factory=DateInterval)
    color: Colors = Field(default_factory=Colors)

    def to_filters(self) -> Filters:
        """Parse the values.

        Raises:
            QueryError: A colour that cannot be understood.
        """
        return Filters(
            supplier=self.supplier.wanted,
            exclude_supplier=self.supplier.unwanted,
            license=self.license.wanted,
            license_type=tuple(self.license_type.all),
            orientation=self.orientation.wanted,
            width=self.width.to_range(),
            height=self.height.to_range(),
            megapixels=self.megapixels.to_range(),
            color=parse_colors(self.color.all),
            color_tolerance=self.color.tolerance,
            format=self.format.wanted,
            added=self.added.to_range(),
        )


def closed_range(bounds: Mapping[str, float]) -> Range | None:
    """Turn operators into a closed interval; an open bound moves to the next float inside."""
    if not bounds:
        return None
    lows = [bounds[name] for name in ("eq", "gte") if name in bounds]
    highs = [bounds[name] for name in ("eq", "lte") if name in bounds]
    if "gt" in bounds:
        lows.append(math.nextafter(bounds["gt"], math.inf))
    if "lt" in bounds:
        highs.append(math.nextafter(bounds["lt"], -math.inf))
    return Range(max(lows, default=None), min(highs, default=None))


def parse_range(text: str | None) -> Range | None:
    """Read ``min-max``; either end may be left out.

    Raises:
        QueryError: The ends are the wrong way round.
    """
    return None if text is None else parse_number_range(text)


def parse_colors(texts: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    """Read colours: hex, or a name in Chinese or English.

    Raises:
        QueryError: A colour that is neither.
    """
    return tuple(parse_color(text) for text in texts)
