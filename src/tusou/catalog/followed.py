"""What a small file says, followed while another process replaces the file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from tusou.errors import TusouError

_Value = TypeVar("_Value")
_log = logging.getLogger(__name__)


class Followed(Generic[_Value]):
    """Gives the newest value at every call; looking whether the file changed costs a ``stat``.

    A file that cannot be read is named in the log once, and the value before it goes on. Safe from many
    threads.
    """

    def __init__(
        self, what: str, find: Callable[[], Path | None], load: Callable[[Path | None], _Value], first: _Value
    ) -> None:
        """Read the file.

        Args:
            what: What it is, for the log.
            find: Says where the file is; None, or a file that is not there, for none.
            load: Makes the value of the file; of None when there is none.
            first: The value until a file could be read.
        """
        self._what, self._find, self._load = what, find, load
        self._lock = Lock()
        self._value = first
        self._seen: tuple[Path, int, int] | bool | None = False  # False: never looked
        self()

    def __call__(self) -> _Value:
        """The value of the file as it is now."""
        found = self._stamp()
        if found != self._seen:
            with self._lock:
                if found != self._seen:
                    self._follow(found)
                    self._seen = found
        return self._value

    def _stamp(self) -> tuple[Path, int, int] | None:
        path = self._find()
        if path is None:
            return None
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        return path, status.st_mtime_ns, status.st_ino

    def _follow(self, found: tuple[Path, int, int] | None) -> None:
        try:
            self._value = self._load(found[0] if found else None)
        except TusouError as error:
            _log.error("the %s cannot be loaded, what was before goes on: %s", self._what, error)
