"""The rankers of a library, which of them is live, and which were before.

::

    library/rankers/live.json     {"live": "clicks-2", "before": ["", "clicks-1"]}; "" is built in
    library/rankers/<name>/       see ranking.files

The pointer is replaced as a whole, so a reader sees the old ranker or the new one.
"""

from __future__ import annotations

import json
from pathlib import Path

from tusou.catalog.durable import dump_json, write_durably
from tusou.errors import RankerError
from tusou.ranking.base import Ranker
from tusou.ranking.convex import ConvexCombination
from tusou.ranking.files import MANIFEST, load_ranker, read_manifest
from tusou.ranking.promotion import check_promotion

BUILT_IN = ""
"""Name of the convex combination in the pointer."""

KEPT = 20
"""Names that rollback can go back over."""


class RankerStore:
    """Rankers below a library's folder.

    Attributes:
        folder: ``rankers`` of the library; need not exist.
    """

    def __init__(self, library: Path) -> None:
        self.folder = library / "rankers"

    @property
    def pointer(self) -> Path:
        """The file that names the live ranker."""
        return self.folder / "live.json"

    def names(self) -> list[str]:
        """Finished rankers, by name."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{MANIFEST}"))

    def path(self, name: str) -> Path:
        """Folder of a ranker."""
        return self.folder / name

    def live(self) -> str:
        """Name of the live ranker, BUILT_IN when none was promoted.

        Raises:
            RankerError: The pointer is damaged.
        """
        return self._read()[0]

    def open(self, name: str) -> Ranker:
        """Load a ranker by name.

        Raises:
            RankerError: See load_ranker.
        """
        return ConvexCombination() if name == BUILT_IN else load_ranker(self.path(name))

    def promote(self, name: str, *, alpha: float = 0.05) -> None:
        """Make a ranker the live one, if it deserves it.

        Raises:
            RankerError: It is damaged, insane, slow, or not proven better than the live one on held-out
                queries (``not_promoted``); the live one stays.
        """
        live, before = self._read()
        if name == live:
            raise RankerError(f"{name} is live already", reason="not_promoted")
        held_out = read_manifest(self.path(name)).held_out
        check_promotion(self.open(name), self.open(live), held_out, live=live or "convex", alpha=alpha)
        self._write(name, [*before, live])

    def rollback(self) -> str:
        """Make the ranker that was live before live again; returns its name.

        Raises:
            RankerError: There was none before, or it cannot be loaded any more.
        """
        _, before = self._read()
        if not before:
            raise RankerError("no ranker was live before this one", reason="nothing_to_roll_back")
        self.open(before[-1])
        self._write(before[-1], before[:-1])
        return before[-1]

    def _read(self) -> tuple[str, list[str]]:
        try:
            found = json.loads(self.pointer.read_bytes())
            return str(found["live"]), [str(name) for name in found["before"]]
        except FileNotFoundError:
            return BUILT_IN, []
        except (ValueError, KeyError, TypeError) as error:
            raise RankerError(
                f"{self.pointer} is damaged ({error}): delete it, and the built-in ranker answers",
                reason="ranker_damaged",
            ) from error

    def _write(self, live: str, before: list[str]) -> None:
        write_durably(self.pointer, dump_json({"live": live, "before": before[-KEPT:]}))
