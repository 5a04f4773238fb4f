"""Notice that the library was switched to another model, and answer with it from then on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.errors import TusouError

POLL_SECONDS = 0.5
"""How often the catalog is asked for the model in use: one read of a table of three rows."""

_log = logging.getLogger(__name__)


class ModelWatch:
    """A thread that calls back when the model in use is no longer the one the server answers with."""

    def __init__(self, library: Library, answering: Callable[[], str], reopen: Callable[[], None]) -> None:
        """Prepare the thread; start() starts it.

        Args:
            library: Asked for its model.
            answering: Tells the id of the model the server answers with.
            reopen: Opens the library's model and answers with it.
        """
        self._library, self._answering, self._reopen = library, answering, reopen
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-watch", daemon=True)
        self._failed = ""

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; stopping one that never started does nothing."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once; when the new model cannot be opened, the old one goes on and this is said once."""
        try:
            model = current_model(self._library.catalog)
            if model is not None and model.model_id != self._answering():
                self._reopen()
                self._failed = ""
        except TusouError as error:
            if str(error) != self._failed:
                _log.error("the library's new model cannot be opened; the old one goes on: %s", error)
            self._failed = str(error)
