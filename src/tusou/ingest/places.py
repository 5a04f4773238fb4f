"""From what a table or sidecar says to the bytes: paths that stay inside their root, or addresses."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tusou.errors import SourceError
from tusou.ingest.items import Content, FileContent, UrlContent, file_stamp

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def locate(root: Path, name: str) -> tuple[FileContent, str]:
    """Find a file below a root; returns it with its stamp.

    Symbolic links are followed as long as they end inside the root.

    Args:
        root: Absolute folder, symbolic links resolved.
        name: Path relative to it, as the supplier wrote it; back slashes count as slashes.

    Raises:
        SourceError: ``vanished``, ``outside_root``, ``not_a_file`` or ``unreadable``.
    """
    try:
        path = (root / name.replace("\\", "/")).resolve(strict=True)
        status = path.stat()
    except FileNotFoundError:
        raise SourceError(f"{name!r} is not below {root}", reason="vanished") from None
    except (OSError, RuntimeError, ValueError) as error:  # loops, names too long, NUL bytes
        raise SourceError(f"{name[:200]!r} cannot be looked up: {error}", reason="unreadable") from None
    if not path.is_relative_to(root):
        raise SourceError(f"{name!r} leads outside {root}", reason="outside_root")
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{name!r} is no regular file", reason="not_a_file")
    return FileContent(path), file_stamp(status)


def content_of(root: Path, record: Mapping[str, Any]) -> tuple[Content, str, str]:
    """Content, stamp and path of a table row: its file, else its address.

    Raises:
        SourceError: The row names neither, or the file cannot be had.
    """
    name, address = str(record.get("image") or "").strip(), str(record.get("url") or "").strip()
    if _ADDRESS.match(name):
        name, address = "", name
    if name:
        content, stamp = locate(root, name)
        return content, stamp, name
    if _ADDRESS.match(address):
        return UrlContent(address), f"url:{address}", address
    if address:
        raise SourceError(f"{address[:200]!r} is no http or https address", reason="bad_url")
    raise SourceError("the row names neither an image file nor an address", reason="missing_image")


def member_problem(name: str) -> str:
    """Why an archive member's name cannot be trusted; empty for an ordinary relative path."""
    if "\0" in name or not name:
        return "its name holds NUL or nothing"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "its name is an absolute path"
    if ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return "its name climbs out of the archive"
    return ""


def is_hidden(name: str) -> bool:
    """Files that systems leave behind (``.DS_Store``, ``._x``, ``Thumbs.db``), never delivered on purpose."""
    base = name.rsplit("/", 1)[-1]
    return (
        base.startswith(".") or base.lower() in ("thumbs.db", "desktop.ini") or name.startswith("__MACOSX/")
    )


def resolved_root(path: Path) -> Path:
    """A folder as an absolute path without symbolic links.

    Raises:
        SourceError: No folder lies there.
    """
    if not path.is_dir():
        raise SourceError(f"{path} is no folder", reason="source_not_found")
    return Path(os.path.realpath(path))
