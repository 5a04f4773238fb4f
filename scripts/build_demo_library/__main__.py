"""Command line of the demo library's builder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from build_demo_library import attribution, gcompris, openclipart, tuxpaint, wallpapers
from build_demo_library.model import Item, Metadata, Supplier
from build_demo_library.packages import Package, unpack
from build_demo_library.pictures import PILLOW, make_picture
from build_demo_library.selection import Selection, select
from build_demo_library.shards import write_shard

QUERIES = {
    "gcompris/explore_monuments-egypt-greatPyramidOfGiza": "query.jpg",
    "gcompris/categorization-renewable-windmill8": "query-windmill.jpg",
}
"""Kept out of the library: pictures to search it with."""


@dataclass(frozen=True, slots=True)
class Source:
    """A supplier and how to read it."""

    supplier: Supplier
    packages: tuple[str, ...]
    items: Callable[[dict[str, Package]], Iterator[Item]]
    limits: Mapping[str, int] | None = None


SOURCES = (
    Source(gcompris.SUPPLIER, gcompris.PACKAGES, gcompris.items),
    Source(wallpapers.LOMIRI, wallpapers.LOMIRI_PACKAGES, wallpapers.lomiri_items),
    Source(wallpapers.MATE, wallpapers.MATE_PACKAGES, wallpapers.mate_items),
    Source(openclipart.SUPPLIER, openclipart.PACKAGES, openclipart.items, openclipart.LIMITS),
    Source(wallpapers.PLASMA, wallpapers.PLASMA_PACKAGES, wallpapers.plasma_items),
    Source(tuxpaint.SUPPLIER, tuxpaint.PACKAGES, tuxpaint.items),
)


def build(source: Source, cache: Path, output: Path) -> attribution.Entry:
    """Build one supplier's folder: a shard and supplier.json."""
    packages = {name: unpack(name, cache) for name in source.packages}
    name = source.supplier.name
    items = list(source.items(packages))
    queries = take_queries(name, items, output)
    selection = select(name, items, source.limits)
    folder = output / name
    shard = folder / f"{name}-000000.tar"
    write_shard(shard, selection.records)
    described = json.dumps(asdict(source.supplier), ensure_ascii=False, indent=2)
    (folder / "supplier.json").write_text(described + "\n", encoding="utf-8")
    _report(name, selection, shard.stat().st_size)
    return attribution.Entry(
        source.supplier, list(packages.values()), [m for m, _ in selection.records], queries
    )


def take_queries(name: str, items: list[Item], output: Path) -> dict[str, Metadata]:
    """Take the query pictures out of the items and write them; return file name to what is known of it."""
    taken = {}
    for item in list(items):
        if file := QUERIES.get(f"{name}/{item.metadata.item_id}"):
            items.remove(item)
            output.mkdir(parents=True, exist_ok=True)
            (output / file).write_bytes(make_picture(item).data)
            taken[file] = item.metadata
    return taken


def _report(name: str, selection: Selection, size: int) -> None:
    print(f"{name}: {len(selection.records)} images, {size / 1e6:.1f} MB")
    for reason, count in selection.left_out.most_common():
        print(f"    left out {count:5}  {reason}")


def main() -> None:
    """Build the whole library, or the suppliers named."""
    parser = argparse.ArgumentParser(description="Build the demo library from Debian packages.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write (demo)")
    parser.add_argument(
        "--packages", type=Path, required=True, help="folder of downloaded packages; filled if empty"
    )
    parser.add_argument(
        "--only", action="append", help="build this supplier only, without the attribution files"
    )
    options = parser.parse_args()
    print(f"Pillow {PILLOW}")
    sources = [s for s in SOURCES if not options.only or s.supplier.name in options.only]
    entries = [build(source, options.packages, options.output) for source in sources]
    if not options.only:
        attribution.write(options.output, entries)


if __name__ == "__main__":
    main()
