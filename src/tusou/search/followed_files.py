"""What may be replaced while a library answers: its ranker, its cut-off, its manager's rules."""

from __future__ import annotations

from pathlib import Path

from tusou.catalog.followed import Followed
from tusou.ranking.base import Ranker
from tusou.ranking.cutoff import Cutoff
from tusou.ranking.cutoff_files import MANIFEST, find_cutoff, load_cutoff
from tusou.ranking.rules import FILE, Rule, read_rules
from tusou.ranking.store import BUILT_IN, RankerStore


def live_ranker(library: Path) -> Followed[Ranker]:
    """The ranker the library's pointer names.

    Args:
        library: Folder of the library.
    """
    store = RankerStore(library)
    return Followed(
        "live ranker", lambda: store.pointer, lambda _: store.open(store.live()), store.open(BUILT_IN)
    )


def live_cutoff(library: Path, model_id: str, dim: int) -> Followed[Cutoff | None]:
    """The cut-off the library uses with a model; None for a model without one.

    Args:
        library: Folder of the library.
        model_id: The model it has to be for.
        dim: Length of that model's embeddings.
    """

    def find() -> Path | None:
        folder = find_cutoff(library, model_id)
        return None if folder is None else folder / MANIFEST

    def load(path: Path | None) -> Cutoff | None:
        return None if path is None else load_cutoff(path.parent, model_id, dim)

    return Followed("cut-off", find, load, None)


def live_rules(library: Path) -> Followed[tuple[Rule, ...]]:
    """The manager's rules of the library, ended ones too.

    Args:
        library: Folder of the library.
    """
    return Followed("file of rules", lambda: library / FILE, read_rules, ())
