"""Write who made what: ATTRIBUTION.md to read, attribution.tsv with a line per image, the GPL texts."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from build_demo_library.model import LICENSE_URLS, Metadata, Supplier
from build_demo_library.packages import Package

_TEXTS = {"GPL-2.0": "GPL-2", "GPL-3.0": "GPL-3", "LGPL-3.0": "LGPL-3"}
_COMMON_LICENSES = Path("/usr/share/common-licenses")  # on every Debian system
_COLUMNS = ("supplier", "item_id", "title", "creator", "license", "copyright", "source_url", "filename")
_HEAD = """# Attribution of the demo library

These images are the work of the people named here and are **not** under tusou's own licence. Each keeps the
licence its source states. Every record of a shard carries creator, copyright, licence, licence address and
source page; `attribution.tsv` lists the same, one line per image.

The pictures were scaled down, drawings also trimmed of empty border, paintings and details put together
from puzzle pieces; otherwise they are unchanged. `scripts/build_demo_library` did this and can do it again.

The texts of the GNU licences are beside this file: `GPL-2.0.txt`, `GPL-3.0.txt`, `LGPL-3.0.txt`. The source
code they speak of is Debian's source package, named with each supplier (`apt-get source NAME=VERSION`).
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One supplier's part of the attribution."""

    supplier: Supplier
    packages: list[Package]
    images: list[Metadata]
    queries: dict[str, Metadata]


def write(output: Path, entries: list[Entry]) -> None:
    """Write the attribution files and the licence texts."""
    sections = [_HEAD, *(_section(entry) for entry in entries)]
    (output / "ATTRIBUTION.md").write_text("\n".join(sections), encoding="utf-8")
    with (output / "attribution.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, dialect="excel-tab", lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(_line(entry.supplier.name, image) for entry in entries for image in _sorted(entry))
    for name, text in _TEXTS.items():
        shutil.copyfile(_COMMON_LICENSES / text, output / f"{name}.txt")


def _sorted(entry: Entry) -> list[Metadata]:
    return sorted(entry.images, key=lambda image: image.item_id)


def _line(supplier: str, image: Metadata) -> tuple[str, ...]:
    title = image.title_en or image.title_zh
    fields = (
        image.item_id,
        title,
        image.creator,
        image.license,
        image.copyright,
        image.source_url,
        image.filename,
    )
    return (supplier, *(" ".join(field.split()) for field in fields))


def _section(entry: Entry) -> str:
    counts = Counter(image.license for image in entry.images)
    creators = Counter(image.creator for image in entry.images)
    lines = [
        f"## {entry.supplier.title}",
        "",
        f"Home: <{entry.supplier.url}>. {len(entry.images)} images in `{entry.supplier.name}/`.",
        "",
        *(f"- Debian package `{p.name}` {p.version} (source package `{p.source}`)" for p in entry.packages),
        "",
        "| licence | images |",
        "|---|---|",
        *(f"| {_link(code)} | {count} |" for code, count in counts.most_common()),
        "",
        "By " + ", ".join(name for name in sorted(creators, key=str.casefold) if name) + ".",
        "",
    ]
    for file, image in entry.queries.items():
        stated = f"{image.title_en}, by {image.creator}, {_link(image.license)}, <{image.source_url}>"
        lines += [f"`{file}` is from here too: {stated}.", ""]
    return "\n".join(lines)


def _link(code: str) -> str:
    return f"[{code}]({LICENSE_URLS[code]})" if LICENSE_URLS[code] else code
