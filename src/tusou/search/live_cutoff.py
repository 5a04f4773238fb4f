"""The cut-off a library uses with its model, followed while it is replaced."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock

from tusou.errors import RankerError
from tusou.ranking.cutoff import Cutoff
from tusou.ranking.cutoff_files import MANIFEST, find_cutoff, load_cutoff

_log = logging.getLogger(__name__)


class LiveCutoff:
    """Gives the cut-off at every call; looking whether it changed costs a ``stat`` or two.

    One that cannot be loaded is named in the log once, and the one before it goes on.
    """

    def __init__(self, library: Path, model_id: str, dim: int) -> None:
        """Load it.

        Args:
            library: Folder of the library.
            model_id: The model it has to be for.
            dim: Length of that model's embeddings.
        """
        self._library, self._model_id, self._dim = library, model_id, dim
        self._lock = Lock()
        self._cutoff: Cutoff | None = None
        self._seen: tuple[Path, int, int] | None = None
        self()

    def __call__(self) -> Cutoff | None:
        """The cut-off; None for a model without one."""
        found = self._stamp()
        if found != self._seen:
            with self._lock:
                if found != self._seen:
                    self._follow(found)
                    self._seen = found
        return self._cutoff

    def _stamp(self) -> tuple[Path, int, int] | None:
        folder = find_cutoff(self._library, self._model_id)
        if folder is None:
            return None
        try:
            status = (folder / MANIFEST).stat()
        except FileNotFoundError:
            return None
        return folder, status.st_mtime_ns, status.st_ino

    def _follow(self, found: tuple[Path, int, int] | None) -> None:
        try:
            self._cutoff = load_cutoff(found[0], self._model_id, self._dim) if found else None
        except RankerError as error:
            _log.error("the cut-off cannot be loaded; %s: %s", self._goes_on(), error)

    def _goes_on(self) -> str:
        return "the one before it goes on" if self._cutoff else "answers have none"
