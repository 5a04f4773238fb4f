"""Click logs as JSON Lines: a query, the images that were shown, and what became of them.

``{"query": "红色汽车", "shown": ["a.jpg", "b.jpg", "c.jpg"], "clicks": ["b.jpg"]}`` or, with
grades, ``{"query": "red car", "shown": ["a.jpg", "b.jpg"], "grades": [0, 2], "language": "en"}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.image_files import ImageFiles, images_of
from tusou.training.data.readers.rows import first_row, json_rows, list_of
from tusou.training.data.relevance import RelevanceData

NAME = "clicks.jsonl"
CLICKED = 1.0


def recognises(path: Path) -> bool:
    """A folder that holds clicks.jsonl, or a JSON Lines file with such rows."""
    if path.is_dir():
        return (path / NAME).is_file()
    return path.suffix == ".jsonl" and {"query", "shown"} <= first_row(path).keys()


def read(path: Path, options: DataOptions, problems: Problems) -> RelevanceData:
    """Read a click log: grade 0 shown, 1 clicked, or the grades the log gives."""
    path = path / NAME if path.is_dir() else path
    files = ImageFiles(images_of(path, options.images), problems)
    builder = RelevanceBuilder(problems)
    for where, row in json_rows(path, problems):
        entries = list(_entries(row, where, problems))
        add_shown(builder, files, row.get("query"), entries, where, str(row.get("language", "")))
    return builder.build()


def add_shown(
    builder: RelevanceBuilder,
    files: ImageFiles,
    query: object,
    entries: list[tuple[str, object]],
    where: str,
    language: str = "",
) -> None:
    """Add a shown list, and the images in it that are new; those without a file are left out."""
    here = []
    for key, grade in entries:
        if key not in builder and (picture := files.picture(key, where)):
            builder.add_picture(picture, where)
        if key in builder:
            here.append((key, grade))
    builder.add_shown(query, here, where, language)


def _entries(row: dict[str, Any], where: str, problems: Problems) -> Iterator[tuple[str, object]]:
    """Images with grades; a grade list of another length, or a click on what was not shown, is a problem."""
    shown = [str(key) for key in list_of(row, "shown", where, problems)]
    if not shown:
        problems.add(where, "no_positive", "no image was shown")
    if "grades" in row:
        grades = list_of(row, "grades", where, problems)
        if len(grades) == len(shown):
            yield from zip(shown, grades, strict=True)
        else:
            problems.add(where, "bad_row", f"{len(shown)} images shown, {len(grades)} grades given")
        return
    clicked = {str(key) for key in list_of(row, "clicks", where, problems)}
    for key in sorted(clicked.difference(shown)):
        problems.add(where, "unknown_image", f"{key!r:.100} was clicked but not shown")
    yield from ((key, CLICKED if key in clicked else 0.0) for key in shown)
