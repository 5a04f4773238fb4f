"""MUGE: a TSV of base64 images with a JSON Lines file of queries, each naming the images it fits."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tusou.catalog.records import Refusal
from tusou.errors import SourceError
from tusou.ingest.items import Entries, InlineContent, Item, Place, Reading
from tusou.ingest.mapping import metadata_of
from tusou.ingest.options import ReadOptions
from tusou.ingest.sidecars import parse_object
from tusou.ingest.textfile import LineReader

MAX_LINE = 64 * 1024 * 1024
"""Longest line of base64 read, in characters."""


_URL_SAFE = str.maketrans("-_", "+/")


def is_muge_table(path: Path) -> bool:
    """A TSV without heading: an id, a tab, base64."""
    try:
        line = next(iter(LineReader(path, "utf-8", max_line=4096)), "")
    except SourceError:
        return False
    item_id, tab, data = line.partition("\t")
    head = data.strip()[:64]
    return bool(tab and item_id.strip() and len(head) >= 16 and "\t" not in head and _is_base64(head))


def _is_base64(text: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in "+/=-_") for char in text)


def read_muge(path: Path, _options: ReadOptions) -> Entries:
    """Images of a base64 TSV; every query that names an image describes it.

    Queries are read from the JSON Lines beside the table: ``x_imgs.tsv`` goes with ``x_texts.jsonl`` or
    ``x_queries.jsonl``; otherwise every ``.jsonl`` in the folder.

    Raises:
        SourceError: The file cannot be read.
    """
    LineReader(path, "utf-8", max_line=MAX_LINE)
    return Reading(lambda place: _read(path, place))


def _read(path: Path, place: Place) -> Iterator[Item | Refusal]:
    texts, refusals = _texts(path)
    yield from refusals
    lines = LineReader(path, "utf-8", max_line=MAX_LINE)
    for number, line in enumerate(lines, start=1):
        place(lines.fraction)
        where = f"{path.name}:{number}"
        item_id, tab, encoded = line.rstrip("\r\n").partition("\t")
        if lines.take_overlong() or not tab or not item_id:
            yield Refusal(where, "bad_row", "expected an id, a tab and base64", item_id[:100], number)
            continue
        try:
            data = base64.b64decode(encoded.translate(_URL_SAFE), validate=True)
        except (binascii.Error, ValueError) as error:
            yield Refusal(where, "bad_row", f"not valid base64: {error}", item_id, number)
            continue
        metadata = metadata_of({"description": texts.get(item_id, [])})
        stamp = f"crc32:{zlib.crc32(data):08x}:{len(data)}"
        yield Item(item_id, where, InlineContent(data), metadata, stamp, number)


def _texts(path: Path) -> tuple[dict[str, list[str]], list[Refusal]]:
    texts: dict[str, list[str]] = defaultdict(list)
    refusals: list[Refusal] = []
    for source in _text_files(path):
        for number, line in enumerate(LineReader(source), start=1):
            if not line.strip():
                continue
            try:
                row = parse_object(line, "bad_row")
                text = str(row.get("query_text", row.get("text", "")))
                for image in row.get("item_ids", row.get("image_ids", ())) if text else ():
                    texts[str(image)].append(text)
            except (SourceError, TypeError) as error:
                refusals.append(Refusal(f"{source.name}:{number}", "bad_row", str(error), line=number))
    return texts, refusals


def _text_files(path: Path) -> list[Path]:
    prefix = path.stem.removesuffix("_imgs")
    own = [path.parent / f"{prefix}_{kind}.jsonl" for kind in ("texts", "queries")]
    return [file for file in own if file.is_file()] or sorted(path.parent.glob("*.jsonl"))
