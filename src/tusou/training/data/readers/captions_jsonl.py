"""captions.jsonl: one image per line with captions per language, files in ``images/`` beside it.

``{"image": "a.jpg", "split": "dev", "en": ["A dog."], "zh": ["一只狗。"]}``
"""

from __future__ import annotations

from pathlib import Path

from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.image_files import ImageFiles, images_of
from tusou.training.data.readers.rows import first_row, json_rows, list_of
from tusou.training.data.relevance import RelevanceData

NAME = "captions.jsonl"
LANGUAGES = ("en", "zh")


def recognises(path: Path) -> bool:
    """A folder that holds captions.jsonl, or a JSON Lines file with such rows."""
    if path.is_dir():
        return (path / NAME).is_file()
    return (
        path.suffix == ".jsonl"
        and "image" in (row := first_row(path))
        and not row.keys().isdisjoint(LANGUAGES)
    )


def read(path: Path, options: DataOptions, problems: Problems) -> RelevanceData:
    """Read captions.jsonl."""
    path = path / NAME if path.is_dir() else path
    files = ImageFiles(images_of(path, options.images), problems)
    builder = RelevanceBuilder(problems)
    for where, row in json_rows(path, problems):
        texts = {language: list_of(row, language, where, problems) for language in LANGUAGES}
        if not any(texts.values()):
            problems.add(where, "no_caption", f"{row.get('image')!r:.100} has no caption under en or zh")
            continue
        picture = files.picture(row.get("image"), where)
        if picture and builder.add_picture(picture, where, str(row.get("split", ""))):
            for language in LANGUAGES:
                builder.add_captions(picture.key, texts[language], where, language)
    return builder.build()
