"""Decide for each delivered item whether it needs work: new, changed, unchanged or refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tusou.catalog.catalog import Catalog
from tusou.catalog.records import Known, Refusal, image_id_of
from tusou.errors import UnknownLicense
from tusou.ingest.items import FileContent, Item
from tusou.ingest.mapping import clean, metadata_digest
from tusou.ingest.rights import normalize_rights
from tusou.ingest.worker import Work

_LOOK_UP = 64  # items asked from the catalog at once
_LONGEST_ID = 1_000


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The catalog holds this item as it was delivered."""

    item: Item


class Planner:
    """Compares what is delivered with what the catalog holds, many items per look-up."""

    def __init__(
        self, catalog: Catalog, supplier: str, *, in_place: bool = False, readmit: bool = False
    ) -> None:
        """Plan for one supplier.

        Args:
            catalog: What is held.
            supplier: Whose items these are.
            in_place: Originals that are files of their own are not copied.
            readmit: Take items back that were removed for good.
        """
        self._catalog = catalog
        self._supplier = supplier
        self._in_place = in_place
        self._readmit = readmit
        self._seen: set[str] = set()

    def plan(self, entries: Iterable[Item | Refusal]) -> Iterator[Work | Unchanged | Refusal]:
        """One decision per entry, in order."""
        entries = iter(entries)
        while group := list(itertools.islice(entries, _LOOK_UP)):
            checked = [entry if isinstance(entry, Refusal) else self._check(entry) for entry in group]
            yield from self._decide(checked)

    def copies(self, item: Item) -> bool:
        """Whether the item's original goes into the blob store."""
        return not (self._in_place and isinstance(item.content, FileContent))

    def _check(self, item: Item) -> Item | Refusal:
        """What can be said without the catalog: the id, the licence."""
        item_id = clean(item.item_id, _LONGEST_ID)
        if not item_id:
            return item.refuse("bad_item_id", "the item has no usable id")
        if item_id in self._seen:
            return item.refuse(
                "duplicate_id", f"the source delivers id {item_id!r} twice; the first one counts"
            )
        self._seen.add(item_id)
        try:
            return replace(item, item_id=item_id, metadata=normalize_rights(item.metadata))
        except UnknownLicense as error:
            return item.refuse(error.reason, str(error))

    def _decide(self, checked: Sequence[Item | Refusal]) -> Iterator[Work | Unchanged | Refusal]:
        ids = [entry.item_id for entry in checked if isinstance(entry, Item)]
        known = self._catalog.known(self._supplier, ids)
        gone = self._catalog.removed([image_id_of(self._supplier, item_id) for item_id in ids])
        for entry in checked:
            if isinstance(entry, Refusal):
                yield entry
            elif image_id_of(self._supplier, entry.item_id) in gone and not self._readmit:
                yield entry.refuse("removed", "taken out of the library for good; --readmit brings it back")
            elif self._is_unchanged(entry, known.get(entry.item_id)):
                yield Unchanged(entry)
            else:
                yield Work(entry, self.copies(entry))

    def _is_unchanged(self, item: Item, known: Known | None) -> bool:
        return (
            known is not None
            and bool(item.stamp)
            and item.stamp == known.origin.stamp
            and metadata_digest(item.metadata) == known.origin.digest
            and self.copies(item) == (not known.origin.location)
        )
