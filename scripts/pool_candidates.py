"""Pool images for judging, draw them as contact sheets, and add the grades given to the judgments.

    python scripts/pool_candidates.py scan --library library --out /tmp/scan
    python scripts/pool_candidates.py pool --library library --also seen.txt --out /tmp/pool
    python scripts/pool_candidates.py grade --pool /tmp/pool --grades grades.txt

``scan`` draws every image of the library, so that what no system finds can be found by eye. ``pool`` takes
the best of each system (the search as it is, by words alone, by picture alone) of each library given, adds
the lines ``query_id doc_id`` of --also, leaves out what is judged already, shuffles, and draws numbered tiles
without a word about where they come from. ``grade`` reads lines ``query_id 3: 4 17; 2: 1; 1: 9`` of tile
numbers, the rest of the query's tiles being 0, and adds them to the qrels. docs/guides/judging.md tells how
to grade.
"""

from __future__ import annotations

import argparse
import io
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw, ImageFont

from tusou.catalog.library import Library
from tusou.cli.eval_judged import Only, doc_id_of, rankings
from tusou.evaluation.qrels import (
    JudgedQuery,
    Judgment,
    qrels_of,
    read_judgments,
    read_queries,
    write_judgments,
)
from tusou.types import ImageRecord

DEMO = Path(__file__).parents[1] / "demo"
DEPTH = 15
"""Images each system adds to the pool of a query."""

SYSTEMS: tuple[Only | None, ...] = (None, "words", "picture")
SOURCE = "looked"
"""Every judgment made with these sheets was made by looking."""

TILE, LABEL, COLUMNS, ROWS = 104, 13, 14, 11
SEED = 3

_Item = TypeVar("_Item")


def tile_of(library: Library, record: ImageRecord) -> Image.Image:
    """The image's thumbnail, no larger than a tile."""
    data = library.thumbnails.get(record.sha256)
    assert data is not None, f"no thumbnail of {doc_id_of(record)}: run tusou check"
    tile = Image.open(io.BytesIO(data)).convert("RGB")
    tile.thumbnail((TILE, TILE))
    return tile


def draw_sheet(path: Path, rows: Sequence[Sequence[tuple[str, Image.Image | None]]]) -> None:
    """Draw rows of labelled tiles; a label without tile is a heading."""
    sheet = Image.new("RGB", (COLUMNS * TILE, len(rows) * (TILE + LABEL)), "#dddddd")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=12)
    for y, row in enumerate(rows):
        for x, (label, tile) in enumerate(row):
            corner = (x * TILE, y * (TILE + LABEL))
            draw.text((corner[0] + 2, corner[1] - 1), label, fill="red", font=font)
            if tile is not None:
                sheet.paste(tile, (corner[0] + (TILE - tile.width) // 2, corner[1] + LABEL))
    sheet.save(path)


def every_record(library: Library) -> Iterator[ImageRecord]:
    """All images, by row."""
    after = -1
    while page := library.catalog.records(after):
        yield from page
        after = page[-1].row


def scan(options: argparse.Namespace) -> None:
    """Draw the whole library."""
    options.out.mkdir(parents=True, exist_ok=True)
    with Library.open(options.library[0]) as library:
        records = list(every_record(library))
        tiles = [(str(number), tile_of(library, record)) for number, record in enumerate(records)]
    for number, page in enumerate(_chunks(tiles, COLUMNS * ROWS)):
        draw_sheet(options.out / f"scan{number:02d}.png", _chunks(page, COLUMNS))
    names = "".join(f"{number}\t{doc_id_of(record)}\n" for number, record in enumerate(records))
    (options.out / "scan.tsv").write_text(names, "utf-8")


def pool(options: argparse.Namespace) -> None:
    """Pool, shuffle and draw what is not judged yet."""
    queries = read_queries(options.queries)
    pooled: dict[str, set[str]] = {query.query_id: set() for query in queries}
    for path in options.library:
        with Library.open(path) as library:
            for only in SYSTEMS:
                _, run = rankings(library, queries, only=only, depth=DEPTH)
                for query_id, found in run.items():
                    pooled[query_id].update(found)
    for line in options.also.read_text("utf-8").splitlines() if options.also else ():
        query_id, doc_id = line.split()
        pooled[query_id].add(doc_id)
    judged = qrels_of(read_judgments(options.qrels)) if options.qrels.exists() else {}
    shuffle = random.Random(SEED)
    tiles = {}
    for query in queries:
        new = sorted(pooled[query.query_id] - judged.get(query.query_id, {}).keys())
        shuffle.shuffle(new)
        tiles[query.query_id] = new
    options.out.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{query_id}\t{number}\t{doc_id}\n"
        for query_id, new in tiles.items()
        for number, doc_id in enumerate(new)
    ]
    (options.out / "tiles.tsv").write_text("".join(rows), "utf-8")
    with Library.open(options.library[0]) as library:
        draw_pool(options.out, library, queries, tiles)
    print(f"{len(rows)} tiles of {len(queries)} queries in {options.out}")


def draw_pool(
    out: Path, library: Library, queries: Sequence[JudgedQuery], tiles: dict[str, list[str]]
) -> None:
    """Draw the tiles, a query per block of rows, as many blocks on a sheet as fit."""
    records = {doc_id_of(record): record for record in every_record(library)}
    sheets: list[list[list[tuple[str, Image.Image | None]]]] = [[]]
    for query in queries:
        title: tuple[str, Image.Image | None] = (query.query_id, None)
        shown = [(str(n), tile_of(library, records[doc])) for n, doc in enumerate(tiles[query.query_id])]
        block = [[title, *row] for row in _chunks(shown, COLUMNS - 1)]
        if len(sheets[-1]) + len(block) > ROWS:
            sheets.append([])
        sheets[-1].extend(block)
    for number, rows in enumerate(sheets):
        draw_sheet(out / f"pool{number:02d}.png", rows)


def grade(options: argparse.Namespace) -> None:
    """Add the grades of a file of tile numbers to the judgments."""
    tiles: dict[str, dict[int, str]] = {}
    for line in (options.pool / "tiles.tsv").read_text("utf-8").splitlines():
        query_id, number, doc_id = line.split("\t")
        tiles.setdefault(query_id, {})[int(number)] = doc_id
    judgments = read_judgments(options.qrels) if options.qrels.exists() else []
    for line in options.grades.read_text("utf-8").splitlines():
        if line.strip():
            judgments += graded(line, tiles)
    write_judgments(options.qrels, judgments)
    print(f"{len(judgments)} judgments in {options.qrels}")


def graded(line: str, tiles: dict[str, dict[int, str]]) -> list[Judgment]:
    """Judgments of one line ``query_id 3: 4 17; 2: 1``."""
    query_id, _, grades = line.strip().partition(" ")
    if query_id not in tiles:
        raise SystemExit(f"{query_id!r}: the pool holds no tile of such a query")
    given: dict[int, int] = {}
    for part in filter(None, (part.strip() for part in grades.split(";"))):
        match = re.fullmatch(r"([0-3]):([\d\s]*)", part)
        if match is None:
            raise SystemExit(f"{query_id}: expected grades such as '3: 4 17; 2: 1', got {part!r}")
        for number in map(int, match[2].split()):
            if number in given or number not in tiles[query_id]:
                raise SystemExit(f"{query_id}: tile {number} is graded twice or is not there")
            given[number] = int(match[1])
    return [
        Judgment(query_id, SOURCE, doc_id, given.get(number, 0)) for number, doc_id in tiles[query_id].items()
    ]


def _chunks(items: Sequence[_Item], size: int) -> list[list[_Item]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def main() -> None:
    """Read the options and do one step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = {"scan": scan, "pool": pool, "grade": grade}
    parser.add_argument("step", choices=steps, help="what to do")
    parser.add_argument("--library", type=Path, action="append", help="library to pool from; may be repeated")
    parser.add_argument("--queries", type=Path, default=DEMO / "judged-queries.jsonl")
    parser.add_argument("--qrels", type=Path, default=DEMO / "judgments.qrels")
    parser.add_argument("--also", type=Path, help="lines 'query_id doc_id' to judge as well")
    parser.add_argument("--out", type=Path, help="folder for the sheets")
    parser.add_argument("--pool", type=Path, help="folder that 'pool' filled")
    parser.add_argument("--grades", type=Path, help="lines 'query_id 3: 4 17; 2: 1'")
    options = parser.parse_args()
    steps[options.step](options)


if __name__ == "__main__":
    main()
