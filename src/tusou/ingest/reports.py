"""Refused files as a file a supplier can work through: CSV or JSON Lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tusou.catalog.records import Refusal

COLUMNS = ("path", "item_id", "line", "reason", "message")
"""Columns of a report, in order."""


def write_report(path: Path, refusals: Sequence[Refusal]) -> None:
    """Write refusals; a name ending in ``.jsonl`` or ``.json`` gets JSON Lines, any other CSV (UTF-8, BOM).

    Cells that a spreadsheet would take for a formula get an apostrophe in front.
    """
    rows = [{name: asdict(refusal)[name] for name in COLUMNS} for refusal in refusals]
    if path.suffix.lower() in (".jsonl", ".json"):
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark makes Excel read it as UTF-8
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)


def _harmless(value: object) -> object:
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )
