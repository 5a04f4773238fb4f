"""Values of a JSON body as their schema says, without the conversions that suit an address."""

from __future__ import annotations


def number_only(value: object) -> object:
    """Refuse texts and truth values where a number is meant."""
    if isinstance(value, bool | str):
        raise ValueError("expected a number")
    return value


def truth_only(value: object) -> object:
    """Refuse texts and numbers where true or false is meant."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value
