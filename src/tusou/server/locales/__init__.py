"""Every string of the page, per language: en.json and zh.json have the same keys."""

from __future__ import annotations

import json
from importlib.resources import files

from tusou.types import Language


def _read(lang: Language) -> dict[str, str]:
    strings: dict[str, str] = json.loads((files(__name__) / f"{lang}.json").read_text("utf-8"))
    return strings


LOCALES: dict[Language, dict[str, str]] = {"en": _read("en"), "zh": _read("zh")}
"""Language to its strings by key."""
