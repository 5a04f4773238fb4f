"""One writer per library: a lock on a file that dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tusou.errors import LibraryLocked


class WriterLock:
    """The writer's lock, held from construction to release().

    flock belongs to the open file: it ends when the process does, however it ends, so a lock is never left
    behind. The process id in the file is for messages only.
    """

    def __init__(self, path: Path, doing: str = "writing to") -> None:
        """Take the lock at once.

        Args:
            path: The lock's file.
            doing: What its holder does to the library, for the message.

        Raises:
            LibraryLocked: Another process has it; the message names the process id.
        """
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise LibraryLocked(
                f"process {holder} is {doing} the library {path.parent}; wait until it ends or stop it"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; releasing twice does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
