"""MUGE and Flickr30k-CN: ``x_imgs.tsv`` (id, tab, base64) with ``x_texts.jsonl`` or ``x_queries.jsonl``.

A query row is ``{"text": …, "image_ids": […]}`` or ``{"query_text": …, "item_ids": […]}``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tusou.errors import DataError
from tusou.ingest.readers.muge import is_muge_table
from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.rows import json_rows, list_of
from tusou.training.data.relevance import RangePicture, RelevanceData

_URL_SAFE = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Base64Picture(RangePicture):
    """An image that is a stretch of base64 in a larger file."""

    def read(self) -> bytes:
        """The decoded bytes."""
        return decode_base64(RangePicture.read(self))


def decode_base64(text: bytes) -> bytes:
    """Bytes of standard or URL-safe base64.

    Raises:
        DataError: It is neither (``bad_base64``).
    """
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except binascii.Error as error:
        raise DataError(f"not valid base64: {error}", reason="bad_base64") from None


def recognises(path: Path) -> bool:
    """A base64 table, or a folder with some."""
    tables = _tables(path)
    return bool(tables) and is_muge_table(tables[0])


def read(path: Path, _options: DataOptions, problems: Problems) -> RelevanceData:
    """Read tables and queries; the split is the part before ``_imgs.tsv``."""
    builder = RelevanceBuilder(problems)
    for table in _tables(path):
        split = table.stem.removesuffix("_imgs")
        for where, picture in _pictures(table, problems):
            builder.add_picture(picture, where, split)
        for where, row in json_rows(_texts(table, split), problems):
            names = "item_ids" if "item_ids" in row else "image_ids"
            entries = [(str(key), 1.0) for key in list_of(row, names, where, problems)]
            if not entries:
                problems.add(where, "no_positive", f"no image under {names!r}")
            builder.add_list(row.get("query_text", row.get("text")), entries, where)
    return builder.build()


def _tables(path: Path) -> list[Path]:
    return sorted(path.glob("*_imgs.tsv")) if path.is_dir() else [path] if path.suffix == ".tsv" else []


def _texts(table: Path, split: str) -> Path:
    names = [table.with_name(f"{split}_{kind}.jsonl") for kind in ("texts", "queries")]
    found = next((name for name in names if name.is_file()), None)
    if found is None:
        raise DataError(f"{table} needs its queries: neither {' nor '.join(map(str, names))} is there")
    return found


def _pictures(table: Path, problems: Problems) -> Iterator[tuple[str, Base64Picture]]:
    """One image per line; only its place in the file is kept."""
    start = 0
    with table.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            where = f"{table.name}:{number}"
            head, tab, text = line.partition(b"\t")
            key, text = head.decode("utf-8", "replace").strip(), text.rstrip(b"\r\n")
            if not tab or not key:
                problems.add(where, "bad_row", "expected an id, a tab and base64")
            elif _is_base64(text, where, problems):
                yield where, Base64Picture(key, table, start + len(head) + 1, len(text))
            start += len(line)


def _is_base64(text: bytes, where: str, problems: Problems) -> bool:
    try:
        if decode_base64(text):
            return True
        problems.add(where, "damaged_image", "the image is empty")
    except DataError as error:
        problems.add(where, "bad_base64", str(error))
    return False
