"""Texts for word vectors, out of text files, captions.jsonl and libraries; cut into words as in search."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.errors import DataError
from tusou.text.analyze import Analyzer, default_analyzer
from tusou.text.normalize import MAX_CHARACTERS
from tusou.text.user_words import UserWords
from tusou.types import Language, Metadata

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class WordCorpus:
    """Texts cut into words, on disk; iterate to get the words of each text.

    Attributes:
        path: One text a line, words with spaces between.
        texts: Number of lines.
        words: Number of words.
        digest: SHA-256 of the file.
    """

    path: Path
    texts: int
    words: int
    digest: str

    def __iter__(self) -> Iterator[list[str]]:
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield line.split()


def write_corpus(texts: Iterable[str], analyzer: Analyzer, path: Path) -> WordCorpus:
    """Cut texts into the words of search (English stemmed, Chinese in search mode); texts without words go.

    Raises:
        DataError: ``no_words``: no text holds a word.
    """
    digest = hashlib.sha256()
    count = words = 0
    with path.open("wb") as file:
        for text in texts:
            tokens = analyzer.analyze(text).words
            if tokens:
                line = f"{' '.join(tokens)}\n".encode()
                file.write(line)
                digest.update(line)
                count += 1
                words += len(tokens)
    if not count:
        raise DataError("the sources hold no words to learn from; name others", reason="no_words")
    return WordCorpus(path, count, words, digest.hexdigest())


def read_texts(path: Path, *, languages: Iterable[Language] = LANGUAGES, split: str = "") -> Iterator[str]:
    """Texts of one file, plain or gzipped: each caption of a captions.jsonl, else each line.

    Args:
        path: The file; the end ``.jsonl`` (``.jsonl.gz``) says that it holds captions.
        languages: Which captions; other files have one text a line, whatever its language.
        split: Only captions of this split; all when empty.

    Raises:
        DataError: ``not_readable``, or ``bad_text``: the message names the line.
    """
    captioned = ".jsonl" in path.suffixes[-2:]
    for where, line in _lines(path):
        if captioned:
            yield from _captions(where, line, languages, split)
        else:
            # normalize cuts long texts: a novel on one line is taken in pieces
            yield from (line[i : i + MAX_CHARACTERS] for i in range(0, len(line), MAX_CHARACTERS))


def library_texts(library: Library, *, languages: Iterable[Language] = LANGUAGES) -> Iterator[str]:
    """Titles, descriptions and keywords of every image; the keywords of an image are one text."""
    wanted = tuple(languages)
    last = -1
    while records := library.catalog.records(last):
        last = records[-1].row
        for record in records:
            for language in wanted:
                yield from _texts(record.metadata, language)


def library_analyzer(library: Library) -> Analyzer:
    """What a library's searches use: its own keywords are kept whole."""
    model = current_model(library.catalog)
    return UserWords(library.index_folder(model.model_id)).analyzer if model else default_analyzer()


def _texts(metadata: Metadata, language: Language) -> tuple[str, str, str]:
    if language == "zh":
        return metadata.title_zh, metadata.description_zh, " ".join(metadata.keywords_zh)
    return metadata.title_en, metadata.description_en, " ".join(metadata.keywords_en)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    number = 0
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield f"{path} line {number}", line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} line {number}: not UTF-8; save the file as UTF-8", reason="bad_text"
        ) from error
    except (OSError, EOFError) as error:
        raise DataError(
            f"{path} cannot be read after line {number}: {error}", reason="not_readable"
        ) from error


def _captions(where: str, line: str, languages: Iterable[Language], split: str) -> Iterator[str]:
    if not line.strip():
        return
    row = _json_object(where, line)
    if split and row.get("split") != split:
        return
    for language in languages:
        captions = row.get(language, [])
        if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
            raise DataError(f"{where}: expected a list of captions under {language!r}", reason="bad_text")
        yield from captions


def _json_object(where: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not valid JSON ({error}); mend the line", reason="bad_text") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a JSON object with captions under en or zh", reason="bad_text")
    return row
