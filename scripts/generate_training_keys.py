"""Write the key tables of docs/guides/training.md from the docstrings of tusou.training.config.

python scripts/generate_training_keys.py [--check]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tusou.training import config

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "training.md"
BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def tables() -> Iterator[str]:
    """One Markdown table for each section of a configuration."""
    for name in config.RunConfig.model_fields:
        section = getattr(config, f"{name.capitalize()}Config", None)
        if section is not None:
            yield "\n".join(
                (f"### `[{name}]`\n", "| key | default | what it is |", "|---|---|---|", *rows(section))
            )


def rows(section: type[BaseModel]) -> Iterator[str]:
    """One row for each key, as its docstring explains it."""
    attributes = (getdoc(section) or "").partition("Attributes:\n")[2]
    for key, text in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE):
        meaning = re.sub(r"\s+", " ", text).replace("``", "`").replace("|", "\\|")
        yield f"| `{key}` | {default(section.model_fields[key])} | {meaning} |"


def default(field: FieldInfo) -> str:
    """How a default is written in TOML; a dash where there is none to leave out."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def page(text: str) -> str:
    """The page with fresh tables."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n\n".join((before + BEGIN, *tables(), END + after))


def main() -> int:
    """Write the tables, or say whether they are fresh."""
    old = PAGE.read_text("utf-8")
    fresh = page(old)
    if "--check" in sys.argv[1:]:
        return int(old != fresh)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
