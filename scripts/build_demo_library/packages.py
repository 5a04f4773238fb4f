"""Fetch Debian packages with apt, unpack them without installing, and read their copyright files."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Package:
    """An unpacked Debian package.

    Attributes:
        name: Binary package name.
        version: Debian version.
        source: Source package, for whoever wants the source the GPL speaks of.
        root: Where it is unpacked.
    """

    name: str
    version: str
    source: str
    root: Path

    @property
    def copyright(self) -> str:
        """The text of ``debian/copyright``."""
        return (self.root / "usr/share/doc" / self.name / "copyright").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Stanza:
    """One ``Files:`` paragraph of a machine-readable copyright file."""

    files: tuple[str, ...]
    copyright: str
    license: str
    comment: str


def unpack(name: str, folder: Path) -> Package:
    """Download a package into ``folder`` unless it is there already, and unpack it beside."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob(f"{name}_*.deb"))
    if not found:
        subprocess.run(["apt-get", "download", name], cwd=folder, check=True)
        found = sorted(folder.glob(f"{name}_*.deb"))
    root = folder / name
    if not root.exists():
        subprocess.run(["dpkg-deb", "-x", str(found[-1]), str(root)], check=True)
    return Package(name, _field(found[-1], "Version"), _field(found[-1], "Source") or name, root)


def _field(deb: Path, field: str) -> str:
    shown = subprocess.run(["dpkg-deb", "-f", str(deb), field], check=True, capture_output=True, text=True)
    return shown.stdout.split("(")[0].strip()


def parse_copyright(text: str) -> list[Stanza]:
    """Read the ``Files:`` paragraphs of a copyright file in Debian's format 1.0."""
    fields = [_paragraph(part) for part in re.split(r"\n\s*\n", text)]
    return [
        Stanza(
            tuple(part["files"].split()),
            _join(part.get("copyright", "")),
            part.get("license", "").split("\n")[0].strip(),
            _join(part.get("comment", "")),
        )
        for part in fields
        if "files" in part
    ]


def _paragraph(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z-]+):(.*)", line):
            name = match[1].lower()
            fields[name] = match[2].strip()
        elif name:
            fields[name] += "\n" + line.strip()
    return fields


def _join(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def stanza_of(stanzas: list[Stanza], path: str) -> Stanza | None:
    """Find the paragraph that names a file: the last match wins, and ``*`` names none in particular."""
    named = [s for s in stanzas if any(glob != "*" and fnmatch(path, glob) for glob in s.files)]
    return named[-1] if named else None
